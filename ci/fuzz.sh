#!/bin/sh
# Runs every fuzz target of the given packages (default: all) for $FUZZTIME each.
# A crash is left in the package's testdata/fuzz, where go test finds it again.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

fuzztime=${FUZZTIME:-10s}
count=0
[ $# -gt 0 ] || set -- ./...
for package in $(go list "$@"); do
	dir=$(go list -f '{{.Dir}}' "$package")
	targets=$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$dir"/*_test.go 2>/dev/null || true)
	for target in $targets; do
		say "$package $target for $fuzztime"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" "$package"
		count=$((count + 1))
	done
done
say "fuzz: $count targets, nothing found"
