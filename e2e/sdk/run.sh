#!/bin/sh
# Starts two servers with TLS on ports of their own, one with the engines that
# come with sori and open to this machine, and one with a language model that
# follows a script and a key, and runs the stock client libraries of the OpenAI
# API against them.
#
#   e2e/sdk/run.sh [SORI [TEST…]]     default: bin/sori and all tests
set -eu
cd "$(dirname "$0")/../.."
sori=${1:-bin/sori}
[ $# -eq 0 ] || shift
base=${SORI_SDK_PORT:-15180}
. e2e/servers.sh

server=127.0.0.1:$((base + 1)) tools=127.0.0.1:$((base + 2)) model=$((base + 3))
key=$("$sori" keys make tests --any-user --data "$dir/tools" 2>"$dir/keys.log")
start model node e2e/sdk/model.mjs "$model"
start server "$sori" serve --addr "$server" --data "$dir/server" --tls-self-signed --tts local:flite --ttot local:
start tools "$sori" serve --addr "$tools" --data "$dir/tools" --tls-self-signed --tts local:flite --log-level debug \
	--ttot "openai+http://127.0.0.1:$model/v1?model=script"
e2e/sdk/install.sh
ready server "https://$server/readyz"
ready tools "https://$tools/readyz"
cat "$dir/server/tls/cert.pem" "$dir/tools/tls/cert.pem" >"$dir/trust.pem"

export SORI_URL="https://$server" SORI_TOOLS_URL="https://$tools" SORI_TOOLS_KEY="$key"
export NODE_EXTRA_CA_CERTS="$dir/trust.pem" SSL_CERT_FILE="$dir/trust.pem"
[ $# -gt 0 ] || set -- e2e/sdk/*.test.mjs
node --experimental-websocket --no-warnings --test --test-concurrency=3 "$@"

# A key is kept nowhere, and a log is read by many.
[ -s "$dir/tools.log" ]
if grep -n -e "$key" -e 'ek_[A-Za-z0-9]' "$dir"/*.log >&2; then
	echo "error: a server's log has a key" >&2
	exit 1
fi
