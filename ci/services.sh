#!/bin/sh
# Runs the topology of the system that sori succeeds, from one binary: ATOT on
# 8000, TTOT on 8002, TTS on 8004, and the backend over them on 5000. Ctrl-C, or
# the end of any of them, ends all.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

sori=${SORI:-bin/sori}
pids=''
stop() {
	trap - EXIT INT TERM
	# shellcheck disable=SC2086 # a list of process ids
	kill $pids 2>/dev/null || true
	wait
}
trap stop EXIT
trap 'exit 130' INT TERM

for stage in atot ttot tts; do
	"$sori" engine "$stage" &
	pids="$pids $!"
done
"$sori" serve --recordings folder --atot http://127.0.0.1:8000 --ttot http://127.0.0.1:8002 --tts http://127.0.0.1:8004 "$@" &
pids="$pids $!"
say "ATOT :8000, TTOT :8002, TTS :8004 and the backend :5000; Ctrl-C ends all four"

# POSIX shells can't wait for the first of several: look once a second.
while :; do
	for pid in $pids; do
		kill -0 "$pid" 2>/dev/null || die "one of the services has ended; its own words are above"
	done
	sleep 1
done
