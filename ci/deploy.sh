#!/bin/sh
# Checks what is in deploy/ with the tools of those who will read it: systemd's
# own for the unit, Kubernetes' own types for the manifest.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

unit=deploy/systemd/sori.service
if has systemd-analyze; then
	say "systemd-analyze verify $unit"
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	# The program need not be installed here for its unit to be right.
	sed 's#^ExecStart=[^ ]*#ExecStart=/bin/true#' $unit >"$dir/sori.service"
	# It says nothing where nothing is wrong; older ones exit with 0 whatever they say.
	found=$(systemd-analyze verify "$dir/sori.service" 2>&1 | grep -F sori.service || true)
	[ -z "$found" ] || die "$unit: $found"
	systemd-analyze security --offline=true --threshold=25 "$dir/sori.service" >"$dir/said" 2>&1 ||
		die "$unit is less confined than it was: $(tail -1 "$dir/said")"
else
	in_ci && die "systemd-analyze is missing: it checks the unit. Install systemd"
	say "systemd-analyze is missing: $unit is not checked"
fi

say "the manifest for Kubernetes, against its types"
go -C deploy/check test ./...
