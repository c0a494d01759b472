#!/bin/sh
# Checks the page and the client library, in web/.
#
#   web.sh lint   types: the JavaScript's JSDoc, the shipped .d.ts against the code
#   web.sh test   the library in Node against scripted and real servers, then the
#                 page in a real browser; needs bin/sori, its models, and chromium
#
# Both want Node.js 20 or newer with npm. The tools are pinned in
# web/package-lock.json and installed into web/node_modules, once. With CI=true a
# missing part is a failure.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

# tools installs what web/package-lock.json pins, unless that was done.
tools() {
	mark=web/node_modules/.installed # holds the sum of the lock file that was installed
	sum=$(cksum <web/package-lock.json)
	[ "$(cat $mark 2>/dev/null || true)" != "$sum" ] || return 0
	say "npm ci in web/: what checks the page"
	(cd web && npm ci --no-fund --no-audit --loglevel=error)
	echo "$sum" >$mark
}

# run tests with Node.js and tells how long each file took.
run() {
	(cd web && node --test --test-reporter=spec --test-reporter-destination=stdout \
		--test-reporter=./test/harness/seconds.js --test-reporter-destination=stderr "$@")
}

if ! has node || ! has npm; then
	in_ci && die "node and npm are missing: they check the page. Install Node.js 20 or newer"
	say "node or npm is missing: the page is not checked. Install Node.js 20 or newer"
	exit 0
fi

case ${1:-} in
lint)
	tools
	say "tsc over web/"
	(cd web && node_modules/.bin/tsc -p .)
	;;
test)
	tools
	[ -x bin/sori ] || die "bin/sori is missing: make build"
	say "the client library and the page's logic in Node $(node --version), against a scripted server and a real one"
	run --test-concurrency=4 --test-timeout=120000 test/unit/ test/node/ # they wait more than they work
	say "the page in a real browser (pictures in web/test/artifacts)"
	run --test-concurrency=3 test/browser/ # a conversation takes its time, and little of the machine's
	;;
*) die "web.sh: unknown purpose '${1:-}': use lint or test" ;;
esac
