#!/bin/sh
# Starts the page's four services from one binary, and a server whose TTS is
# down, on ports of their own; runs the conformance tests; stops them again.
#
#   e2e/rest/run.sh [SORI]     default: bin/sori
set -eu
cd "$(dirname "$0")/../.."
sori=${1:-bin/sori}
base=${SORI_REST_PORT:-15080}
dir=$(mktemp -d)
pids=

stop() {
  for pid in $pids; do kill "$pid" 2>/dev/null || :; done
  for pid in $pids; do wait "$pid" 2>/dev/null || :; done
  rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' INT TERM

# start NAME ARGUMENTS… runs sori in the background, its log in $dir/NAME.log.
start() {
  name=$1
  shift
  "$sori" "$@" >"$dir/$name.log" 2>&1 &
  pids="$pids $!"
}

# ready NAME PORT PATH waits until a service answers.
ready() {
  tries=0
  until node -e 'fetch(process.argv[1]).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' "http://127.0.0.1:$2$3"; do
    tries=$((tries + 1))
    if [ "$tries" -ge 120 ]; then
      echo "e2e/rest: $1 is not ready; its log:" >&2
      cat "$dir/$1.log" >&2
      exit 1
    fi
    sleep 0.5
  done
}

atot=$((base + 1)) ttot=$((base + 2)) tts=$((base + 3)) server=$((base + 4)) silent=$((base + 5)) nobody=$((base + 6))
start atot engine atot --addr "127.0.0.1:$atot"
start ttot engine ttot --addr "127.0.0.1:$ttot" --atot-url "http://127.0.0.1:$atot"
start tts engine tts --addr "127.0.0.1:$tts"
start server serve --addr "127.0.0.1:$server" --data "$dir/data" --recordings folder \
  --atot "http://127.0.0.1:$atot" --ttot "http://127.0.0.1:$ttot" --tts "http://127.0.0.1:$tts"
start silent serve --addr "127.0.0.1:$silent" --data "$dir/silent" \
  --atot "http://127.0.0.1:$atot" --ttot "http://127.0.0.1:$ttot" --tts "http://127.0.0.1:$nobody"
for s in "atot $atot /health" "ttot $ttot /health" "tts $tts /health" "server $server /readyz" "silent $silent /healthz"; do
  # shellcheck disable=SC2086 # three words
  ready $s
done

SORI_URL="http://127.0.0.1:$server" SORI_ATOT_URL="http://127.0.0.1:$atot" SORI_SILENT_URL="http://127.0.0.1:$silent" \
  node --test e2e/rest/
