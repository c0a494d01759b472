#!/bin/sh
# Prints the path of golangci-lint at the pinned version. The first call builds
# it from source into .tools/, which git ignores. This is the only place that
# names the version.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

version=v2.15.0
bin=$PWD/.tools/golangci-lint-$version

if [ ! -x "$bin" ]; then
	say "building golangci-lint $version from source, once: two minutes or so on two cores"
	mkdir -p .tools
	work=$(mktemp -d "$PWD/.tools/build.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	if ! GOBIN=$work GOFLAGS='' go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version" 2>"$work/log"; then
		grep -v '^go: downloading' "$work/log" >&2 || true
		die "golangci-lint $version did not build: see above (the first build needs the network)"
	fi
	mv "$work/golangci-lint" "$bin"
	say "golangci-lint $version is in .tools/"
fi
echo "$bin"
