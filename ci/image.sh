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

# The health check is a thing of the docker format; OCI images have none.
case $builder in
docker) verb='build' ;;
podman) verb='build --format docker' ;;
buildah) verb='bud --format docker' ;;
*) die "image.sh: unknown builder '$builder': use docker, podman or buildah" ;;
esac

say "building $image with $builder"
# shellcheck disable=SC2086 # lists of words
"$builder" $verb --build-arg VERSION="$version" -t "$image" ${BUILD_ARGS:-} .
say "built $image"
[ "$builder" = buildah ] || say "run it: $builder run --rm -p 127.0.0.1:5000:5000 -e SORI_INSECURE_NO_AUTH=true -v sori-data:/data $image"
