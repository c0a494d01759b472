#!/bin/sh
# Looks whether the program uses code that is known to be vulnerable.
#
# Exit codes: 0 nothing is known; 3 something was found; 75 nobody can tell now,
# because the tool or its database can't be reached; 1 anything else.
# GOVULNDB names another database.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

version=v1.9.0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
code=0
GOFLAGS='' go run "golang.org/x/vuln/cmd/govulncheck@$version" ./... >"$log" 2>&1 || code=$?
# go run tells its program's code in words, and ends with 1.
case $(cat "$log") in
*'exit status 3'*) code=3 ;;
esac
if [ "$code" -eq 0 ] || [ "$code" -eq 3 ]; then
	cat "$log"
	exit "$code"
fi
if grep -Eq 'fetching vulnerabilities|vuln\.go\.dev|dial tcp|no such host|i/o timeout|connection refused|module lookup disabled|40[34] (Forbidden|Not Found)' "$log"; then
	cat "$log" >&2
	printf 'vulncheck: the database of vulnerabilities, or the tool, is out of reach: nothing was checked. Try again with a network, or name a mirror in GOVULNDB.\n' >&2
	exit 75
fi
cat "$log" >&2
exit 1
