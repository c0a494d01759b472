#!/bin/sh
# Builds the container image $IMAGE from the Dockerfile with whichever builder
# is there. BUILDER names one; BUILD_ARGS is handed to it.
set -eu
cd "$(dirname "$0")/.."
. ci/lib.sh

version=${VERSION:-dev}
image=${IMAGE:-sori:$version}

builder=${BUILDER:-}
if [ -z "$builder" ]; then
	# The docker command may be only a client: it counts when its engine answers.
	if has docker && docker info >/dev/null 2>&1; then
		builder=docker
	elif has podman; then
		builder=podman
	elif has buildah; then
		builder=buildah
	else
		die "no container builder: install docker, podman or buildah"
	fi
fi

case $builder in
docker | podman) verb=build ;;
buildah) verb=bud ;;
*) die "image.sh: unknown builder '$builder': use docker, podman or buildah" ;;
esac

say "building $image with $builder"
# shellcheck disable=SC2086 # BUILD_ARGS is a list of words
"$builder" $verb --build-arg VERSION="$version" -t "$image" ${BUILD_ARGS:-} .
say "built $image: $builder run --rm -p 5000:5000 -v sori-data:/data $image"
