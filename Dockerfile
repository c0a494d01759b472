# sori with its local models inside. `make docker` builds it.
#
# The last image is Debian because the models' runtime needs glibc and
# libstdc++: neither scratch nor Alpine can start it.

# The binary.
FROM docker.io/library/golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod GOMODCACHE=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build \
    CGO_ENABLED=0 GOMODCACHE=/go/pkg/mod GOCACHE=/go/build \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /out/sori ./cmd/sori \
    && go run ./ci/parts sbom /out/sori "$VERSION" >/out/sori.cdx.json

# The models: fetched by npm, checked by sori against the checksums it carries.
FROM docker.io/library/node:22-bookworm-slim AS models
COPY --from=build /out/sori /usr/local/bin/sori
RUN SORI_MODELS=/models sori models pull

FROM docker.io/library/debian:bookworm-slim
# Engines may be reached by HTTPS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
RUN groupadd --gid 10001 sori \
    && useradd --uid 10001 --gid sori --home-dir /data --no-create-home --no-log-init --shell /usr/sbin/nologin sori \
    && install -d -o sori -g sori -m 0750 /data
COPY --from=models /models /models
COPY --from=build /out/sori /usr/local/bin/sori
COPY --from=build /out/sori.cdx.json /src/THIRD_PARTY.md /usr/share/doc/sori/

# It listens on all of the container's addresses, so it starts with a key only
# (sori keys make, on the same volume), or with SORI_INSECURE_NO_AUTH=true where
# the port is published to this machine alone.
ENV SORI_ADDR=0.0.0.0:5000 \
    SORI_DATA=/data \
    SORI_MODELS=/models
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 5000
# It asks the running server over HTTP; nothing else has to be in the image.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["sori", "doctor", "--quick", "--url", "http://127.0.0.1:5000"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["sori"]
CMD ["serve"]
