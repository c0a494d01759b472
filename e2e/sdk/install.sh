#!/bin/sh
# Installs the client libraries that the tests here use, unless they are there:
# those of npm as package-lock.json pins them, and those of Python as
# requirements.txt does, into folders that git ignores. Python is an extra:
# where it or its package index is missing the script says so and goes on, and
# with CI=true it fails.
set -eu
cd "$(dirname "$0")/../.."
. ci/lib.sh
cd e2e/sdk

# installed FOLDER PINS is true where the folder was filled as the pins say, and
# filled notes that it was.
installed() { [ "$(cat "$1/.installed" 2>/dev/null || :)" = "$(cksum <"$2")" ]; }
filled() { cksum <"$2" >"$1/.installed"; }

python_packages() {
	installed .venv requirements.txt && return 0
	rm -rf .venv
	python3 -m venv .venv || return 1
	.venv/bin/pip install -q --disable-pip-version-check --only-binary :all: -r requirements.txt || return 1
	filled .venv requirements.txt
}

# fail is die after what still runs.
fail() {
	wait || :
	die "$*"
}

npm_packages() {
	installed node_modules package-lock.json && return 0
	npm ci --no-fund --no-audit --loglevel=error || return 1
	filled node_modules package-lock.json
}

npm_packages & # most of the time is spent waiting for the network
npm=$!
if ! has python3; then
	in_ci && fail "python3 is missing: it runs the tests of the openai package of Python. Install python3 and python3-venv"
	say "python3 is missing: the openai package of Python is not tested"
elif ! python_packages; then
	rm -rf .venv # a half of one
	in_ci && fail "the openai package of Python could not be installed: its package index has to be reachable"
	say "the openai package of Python could not be installed: it is not tested"
fi
wait $npm || die "the client libraries of npm could not be installed: its registry has to be reachable"
