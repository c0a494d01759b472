#!/bin/sh
# Runs the tests.
#
#   test.sh all            what they need, the models, every package, then e2e
#   test.sh unit [PKG...]  only the packages; what is missing is skipped
#
# With CI=true a missing part is a failure. The tests start their own servers on
# ports that the system picks, so several runs can go on side by side.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

# packages prints all packages but the tests over whole processes.
packages() { go list ./... | grep -v '/e2e\(/\|$\)'; }

# race is empty where no C compiler links the race detector.
race=''
find_race() { if has cc; then race=-race; fi; }

unit() {
	# shellcheck disable=SC2046 # a list of package paths
	[ $# -gt 0 ] || set -- $(packages)
	[ -n "$race" ] || say "no C compiler: the tests run without the race detector"
	say "tests of the packages"
	# shellcheck disable=SC2086 # empty or one word
	go test $race -shuffle=on -timeout 5m "$@"
}

# page runs the tests of the page and the client library, where Node.js is.
page() {
	[ -f web/package.json ] || return 0
	if ! has npm; then
		in_ci && die "npm is missing: the page's tests need it"
		say "npm is missing: the page's tests are skipped"
		return 0
	fi
	say "tests of the page and the client library"
	# What the lock file names is installed when it isn't there already.
	if [ -z "$(find web/node_modules/.package-lock.json -newer web/package-lock.json 2>/dev/null)" ]; then
		(cd web && npm ci --no-audit --no-fund --loglevel=error)
	fi
	(cd web && npm test --if-present)
}

case ${1:-all} in
unit)
	shift
	find_race
	unit "$@"
	;;
all)
	ci/deps.sh test
	find_race

	say "building bin/sori"
	make --no-print-directory build VERSION="${VERSION:-dev}"
	say "models: fetched where they are not there yet"
	bin/sori models pull

	unit
	page
	if [ -d e2e ]; then
		say "tests over whole processes"
		# shellcheck disable=SC2086 # empty or one word
		go test $race -tags e2e -shuffle=on -timeout 8m ./e2e/...
	fi
	say "tests: all passed"
	;;
*) die "test.sh: unknown tier '$1': use all or unit" ;;
esac
