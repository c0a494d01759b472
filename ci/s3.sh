#!/bin/sh
# Tests recordings in a bucket of a real S3 server: versitygw over a folder. Its
# build takes minutes the first time, so it is no part of test.sh; without it the
# same is tested on a fake.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

server=$PWD/.cache/s3/versitygw
if [ -z "$(find "$server" -newer ci/s3/go.sum 2>/dev/null)" ]; then
	say "building versitygw: some minutes, this once"
	mkdir -p "$(dirname "$server")"
	go -C ci/s3 build -o "$server" github.com/versity/versitygw/cmd/versitygw
	touch "$server"
fi
say "recordings in a bucket of versitygw, a real S3 server"
SORI_S3_SERVER=$server go test -count=1 -v -run TestARealS3Server ./history/recordings
