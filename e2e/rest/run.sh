#!/bin/sh
# Starts the page's four services from one binary, and a server whose TTS is
# down, on ports of their own; runs the conformance tests; stops them again.
#
#   e2e/rest/run.sh [SORI]     default: bin/sori
set -eu
cd "$(dirname "$0")/../.."
sori=${1:-bin/sori}
base=${SORI_REST_PORT:-15080}
. e2e/servers.sh

atot=http://127.0.0.1:$((base + 1)) ttot=http://127.0.0.1:$((base + 2)) tts=http://127.0.0.1:$((base + 3))
server=127.0.0.1:$((base + 4)) silent=127.0.0.1:$((base + 5)) nobody=http://127.0.0.1:$((base + 6))
start atot "$sori" engine atot --addr "${atot#http://}"
start ttot "$sori" engine ttot --addr "${ttot#http://}" --atot-url "$atot"
start tts "$sori" engine tts --addr "${tts#http://}"
start server "$sori" serve --addr "$server" --data "$dir/data" --recordings folder --atot "$atot" --ttot "$ttot" --tts "$tts"
start silent "$sori" serve --addr "$silent" --data "$dir/silent" --atot "$atot" --ttot "$ttot" --tts "$nobody"
ready atot "$atot/health"
ready ttot "$ttot/health"
ready tts "$tts/health"
ready server "http://$server/readyz"
ready silent "http://$silent/healthz"

SORI_URL="http://$server" SORI_ATOT_URL="$atot" SORI_SILENT_URL="http://$silent" node --test e2e/rest/
