#!/bin/sh
# Runs the benchmarks of two commits in turns and lets benchstat compare them.
#
#   A=v1.0.0 B=HEAD BENCH=Push COUNT=6 TIME=200ms benchcmp.sh [PKG...]
#
# Each commit is checked out into a folder of its own; the tree at hand stays as
# it is. Without packages, those of the hot paths are taken.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

# The version is pinned: a figure should not change with the tool.
benchstat=golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

a=${A:-HEAD~1} b=${B:-HEAD}
[ $# -gt 0 ] || set -- ./audio ./protocol ./server ./session/... ./engines/energy

dir=$(mktemp -d)
cleanup() {
	for side in a b; do
		git worktree remove --force "$dir/$side" 2>/dev/null || true
	done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

git worktree add --quiet --detach "$dir/a" "$a" || die "there is no commit $a"
git worktree add --quiet --detach "$dir/b" "$b" || die "there is no commit $b"
round=0
while [ "$round" -lt "${COUNT:-6}" ]; do
	round=$((round + 1))
	for side in a b; do
		say "round $round of ${COUNT:-6}: $side"
		(cd "$dir/$side" && go test -run '^$' -bench "${BENCH:-.}" -benchmem -benchtime "${TIME:-200ms}" "$@") >>"$dir/$side.txt"
	done
done
go run "$benchstat" "$a=$dir/a.txt" "$b=$dir/b.txt"
