#!/bin/sh
# Sees to it that what the tests (deps.sh test) or the linters (deps.sh lint)
# need from the system is there. What is missing is installed where apt-get can
# be used as root; where it can't, the script says what to install and goes on,
# and with CI=true it fails. Nothing that it installs is started: the tests
# start their own servers, on private ports.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

# needs prints "COMMAND PACKAGES REASON", a line for each thing; packages are
# joined by commas.
needs() {
	case $1 in
	test)
		echo "cc gcc,libc6-dev the race detector is linked by a C compiler"
		echo "redis-server redis-server the Redis store is tested on a real server"
		echo "espeak-ng espeak-ng its library gives the natural voice its phonemes"
		echo "chromium chromium the page is tested in a real browser"
		echo "python3 python3,python3-venv the openai package of Python is tested too"
		echo "systemd-analyze systemd its own checker reads the unit in deploy/"
		;;
	lint)
		echo "shellcheck shellcheck the scripts in ci/ are linted too"
		;;
	*) die "deps.sh: unknown purpose '$1': use test or lint" ;;
	esac
}

# install_packages installs without starting services: a server package would
# otherwise take its public port. A policy that is already there is respected.
install_packages() {
	policy=/usr/sbin/policy-rc.d
	if [ -e $policy ]; then
		policy=''
	else
		printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
		as_root chmod 755 $policy
	fi
	log=$(mktemp)
	ok=yes
	{
		as_root apt-get update -qq &&
			as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
	} >"$log" 2>&1 || ok=''
	[ -z "$policy" ] || as_root rm -f $policy
	if [ -z "$ok" ]; then
		cat "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

# there is true when a command is there and works. A C compiler without the C
# library's headers does not, nor does a Python that makes no environments.
there() {
	has "$1" || return 1
	case $1 in
	cc) printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | cc -x c -o /dev/null - 2>/dev/null ;;
	python3) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
	esac
}

check_toolchain() {
	has go || die "Go is missing: install Go $(sed -n 's/^go //p' go.mod) or newer, https://go.dev/doc/install"
	# go itself refuses a go.mod that is newer than it, and says so.
	say "$(go version) at $(command -v go)"
}

# The models come as npm packages; once they are in the cache npm isn't needed.
check_npm() {
	if has node && has npm; then
		say "node $(node --version), npm $(npm --version): fetch the models"
		return
	fi
	in_ci && die "node and npm are missing: they fetch the models. Install Node.js 20 or newer"
	say "node or npm is missing: fine where the models are already in the cache, else install Node.js 20 or newer"
}

purpose=${1:-test}
check_toolchain
[ "$purpose" != test ] || check_npm

packages=''
missing=''
list=$(needs "$purpose")
while read -r command names reason; do
	if there "$command"; then
		say "$command: there ($reason)"
	else
		say "$command: missing ($reason)"
		packages="$packages $(echo "$names" | tr , ' ')"
		missing="$missing $command"
	fi
done <<EOT
$list
EOT
[ -n "$packages" ] || exit 0

if can_apt; then
	say "installing with apt-get, without starting anything:$packages"
	# shellcheck disable=SC2086 # a list of package names
	if install_packages $packages; then
		for command in $missing; do
			there "$command" || die "$command is still missing after its package was installed"
		done
		say "installed:$packages"
		exit 0
	fi
fi
in_ci && die "missing:$missing. Install the packages$packages"
say "missing:$missing. What needs them is skipped. To have it: sudo apt-get install$packages"
