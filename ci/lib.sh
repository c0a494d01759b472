# shellcheck shell=sh
# Sourced by the other scripts, not run: how they speak, and how they become root.

# say prints one line about what is being done.
say() { printf '==> %s\n' "$*" >&2; }

# die says what went wrong and what to do about it, and ends the script.
die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# in_ci is true where a missing part is a failure and never a silent skip.
in_ci() { [ "${CI:-}" = true ]; }

# as_root runs a command as root: directly, or by sudo that asks no password.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# can_apt is true where packages can be installed without asking anybody.
can_apt() {
	has apt-get || return 1
	[ "$(id -u)" -eq 0 ] || { has sudo && sudo -n true 2>/dev/null; }
}
