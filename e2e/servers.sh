# shellcheck shell=sh
# Sourced by the run.sh of each suite, not run: it starts servers in the
# background, waits until they answer, and stops them when the suite ends.

dir=$(mktemp -d) # for what the servers keep, and their logs
pids=''

stop_servers() {
	for pid in $pids; do kill "$pid" 2>/dev/null || :; done
	for pid in $pids; do wait "$pid" 2>/dev/null || :; done
	rm -rf "$dir"
}
trap stop_servers EXIT
trap 'exit 1' INT TERM

# start NAME COMMAND… runs a command in the background, its log in $dir/NAME.log.
start() {
	name=$1
	shift
	"$@" >"$dir/$name.log" 2>&1 &
	pids="$pids $!"
}

# ready NAME URL waits until a server answers at a URL. One with TLS is trusted
# by the certificate that it makes in its data folder, $dir/NAME.
ready() {
	cert=/dev/null
	case $2 in https:*) cert=$dir/$1/tls/cert.pem ;; esac
	tries=0
	until [ -e "$cert" ] && NODE_EXTRA_CA_CERTS=$cert node --no-warnings \
		-e 'fetch(process.argv[1]).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' "$2"; do
		tries=$((tries + 1))
		if [ "$tries" -ge 120 ]; then
			echo "error: $1 is not ready at $2; its log:" >&2
			cat "$dir/$1.log" >&2
			exit 1
		fi
		sleep 0.3
	done
}
