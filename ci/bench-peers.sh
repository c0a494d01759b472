#!/bin/sh
# Measures sori beside LiveKit Agents: fetches the driver's packages from npm into
# bench/peers/livekit/node_modules (about 300 MB, once), and lets sori bench run
# rounds of both in turns. Everything listens on the loopback interface.
#
#   ci/bench-peers.sh install    only fetch
#   ci/bench-peers.sh check      only check the driver's syntax; needs no packages
#   ci/bench-peers.sh [FLAGS]    fetch and measure; FLAGS go to sori bench
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

peer=bench/peers/livekit
has node || die "node is missing: the peer runs in it. Install Node.js 20 or newer"

check() {
	say "syntax of $peer"
	for file in "$peer"/*.js; do
		node --check "$file"
	done
}

# install fetches what the lock file names, unless that is there already. No
# package may run a script.
install() {
	mark=$peer/node_modules/.installed # holds the sum of the lock file that was installed
	sum=$(cksum <"$peer/package-lock.json")
	[ "$(cat "$mark" 2>/dev/null)" = "$sum" ] && return
	has npm || die "npm is missing: it fetches the peer. Install Node.js with npm"
	say "npm ci in $peer"
	npm ci --prefix "$peer" --ignore-scripts --no-audit --no-fund --loglevel error
	echo "$sum" >"$mark"
}

case ${1:-} in
check) check ;;
install) install ;;
*)
	install
	report=bin/bench-peers.json
	"${SORI:-bin/sori}" bench --peer "node $peer/main.js" --sessions "${SESSIONS:-50}" --rounds "${ROUNDS:-3}" --json "$report" "$@"
	say "as JSON: $report"
	;;
esac
