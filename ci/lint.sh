#!/bin/sh
# Lints everything: Go (formatting included) and the shell scripts. It goes on
# after a finding, so that one run shows all of them, and fails at the end.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

failed=''

ci/deps.sh lint

say "go vet"
go vet -tags e2e ./... || failed="$failed vet"

golangci=$(ci/golangci.sh)
say "golangci-lint"
"$golangci" config verify || failed="$failed golangci-config"
# Formatters run as linters too: a file that gofumpt would change is a finding.
"$golangci" run ./... || failed="$failed golangci-lint"

ci/web.sh lint || failed="$failed web"

if has shellcheck; then
	say "shellcheck"
	shellcheck -x .ci/run ci/*.sh e2e/rest/*.sh || failed="$failed shellcheck"
fi

[ -z "$failed" ] || die "lint:$failed (make fmt repairs formatting)"
say "lint: clean"
