#!/bin/sh
# Starts two servers with TLS on ports of their own, one with the engines that
# come with sori and one with a language model that follows a script, and runs
# the stock client libraries of the OpenAI API against them.
#
#   e2e/sdk/run.sh [SORI]     default: bin/sori
#
# The libraries are pinned in package-lock.json.
set -eu
cd "$(dirname "$0")/../.."
sori=$(realpath "${1:-bin/sori}")
base=${SORI_SDK_PORT:-15180}
dir=$(mktemp -d)
pids=

stop() {
  for pid in $pids; do kill "$pid" 2>/dev/null || :; done
  for pid in $pids; do wait "$pid" 2>/dev/null || :; done
  rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' INT TERM

# start NAME COMMAND… runs a command in the background, its log in $dir/NAME.log.
start() {
  name=$1
  shift
  "$@" >"$dir/$name.log" 2>&1 &
  pids="$pids $!"
}

# ready NAME PORT waits until a server answers.
ready() {
  tries=0
  until [ -f "$dir/$1/tls/cert.pem" ] && NODE_EXTRA_CA_CERTS="$dir/$1/tls/cert.pem" \
    node -e 'fetch(process.argv[1]).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' "https://127.0.0.1:$2/readyz"; do
    tries=$((tries + 1))
    if [ "$tries" -ge 120 ]; then
      echo "e2e/sdk: $1 is not ready; its log:" >&2
      cat "$dir/$1.log" >&2
      exit 1
    fi
    sleep 0.3
  done
}

# libraries installs what package-lock.json pins, unless that was done.
libraries() {
  mark=e2e/sdk/node_modules/.installed
  sum=$(cksum <e2e/sdk/package-lock.json)
  [ "$(cat $mark 2>/dev/null || :)" != "$sum" ] || return 0
  (cd e2e/sdk && npm ci --no-fund --no-audit --loglevel=error)
  echo "$sum" >$mark
}

server=$((base + 1)) tools=$((base + 2)) model=$((base + 3))
start model node e2e/sdk/model.mjs "$model"
start server "$sori" serve --addr "127.0.0.1:$server" --data "$dir/server" --tls-self-signed --tts local:flite --ttot local:
start tools "$sori" serve --addr "127.0.0.1:$tools" --data "$dir/tools" --tls-self-signed --tts local:flite \
  --ttot "openai+http://127.0.0.1:$model/v1?model=script"
libraries
ready server "$server"
ready tools "$tools"
cat "$dir/server/tls/cert.pem" "$dir/tools/tls/cert.pem" >"$dir/trust.pem"

export SORI_URL="https://127.0.0.1:$server" SORI_TOOLS_URL="https://127.0.0.1:$tools"
NODE_EXTRA_CA_CERTS=$dir/trust.pem node --experimental-websocket --no-warnings --test --test-concurrency=2 e2e/sdk/
