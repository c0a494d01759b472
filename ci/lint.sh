#!/bin/sh
# Lints everything: Go (formatting included) and the shell scripts. It goes on
# after a finding, so that one run shows all of them, and fails at the end.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

failed=''

ci/deps.sh lint

golangci=$(ci/golangci.sh)
say "golangci-lint"
"$golangci" config verify || failed="$failed golangci-config"
# Its govet runs all that go vet does, and more. The formatters run as linters
# too: a file that gofumpt would change is a finding.
"$golangci" run ./... || failed="$failed golangci-lint"

ci/web.sh lint || failed="$failed web"
ci/bench-peers.sh check || failed="$failed bench-peers"

# The description of the REST surface, by a linter that is not ours.
redocly=2.77.0
if has npx; then
	say "redocly $redocly over the REST description"
	REDOCLY_TELEMETRY=off npx --yes "@redocly/cli@$redocly" lint --format=summary server/openapi.yaml || failed="$failed openapi"
elif in_ci; then
	die "npx is missing: it runs the linter of the REST description. Install Node.js 20 or newer"
fi

if has shellcheck; then
	say "shellcheck"
	shellcheck -x .ci/run ci/*.sh e2e/*.sh e2e/*/*.sh || failed="$failed shellcheck"
fi

[ -z "$failed" ] || die "lint:$failed (make fmt repairs formatting)"
say "lint: clean"
