#!/bin/sh
# Fuzzes whole sessions, at /ws and at /v1/realtime side by side, for $DURATION
# (10m by default). A script that breaks something is left in
# server/testdata/fuzz, where go test finds it again. $WORKERS are the workers of each.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

duration=${DURATION:-10m}
say "sessions at /ws and at /v1/realtime, for $duration"
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
for target in FuzzSessions FuzzRealtimeSessions; do
	# Coverage differs a little from run to run: minimizing is not worth much time.
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$duration" -fuzzminimizetime 20x -parallel "${WORKERS:-1}" -timeout 0 ./server >"$logs/$target" 2>&1 &
	eval "pid_$target=\$!"
done
code=0
for target in FuzzSessions FuzzRealtimeSessions; do
	eval "wait \$pid_$target" || code=1
	tail -n 40 "$logs/$target"
done
[ "$code" -eq 0 ] || die "fuzz-sessions: something was found; see server/testdata/fuzz"
say "fuzz-sessions: nothing found"
