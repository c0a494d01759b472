# sori: everything that is done with this tree, by name. `make help` lists it.
# The work itself is in ci/*.sh, so that it can be read and checked as shell.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# The version is git's own description of the tree; without git, or outside of
# a clone, it is "dev". VERSION=v1.2.3 sets it by hand.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

# ARGS is handed to what a target starts: make run ARGS='--addr 0.0.0.0:5000'.
ARGS ?=
# PKG narrows test-unit, bench and fuzz: make test-unit PKG=./session/...
PKG ?=
# FUZZTIME is how long each fuzz target runs.
FUZZTIME ?= 10s
# DURATION is how long fuzz-sessions and soak run; each has its own default.
DURATION ?=
# SESSIONS and ROUNDS are how many bench-peers has, 50 and 3 by default.
SESSIONS ?=
ROUNDS ?=
# IMAGE is the name of the container image.
IMAGE ?= sori:$(VERSION)

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "; print "make TARGET, where TARGET is one of:"} \
	  /^[a-z][a-z0-9-]*:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the one binary, bin/sori (no cgo)
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/sori ./cmd/sori

.PHONY: models
models: build ## fetch the local models once, about 55 MB, into $SORI_MODELS or the user's cache
	bin/sori models pull

.PHONY: run
run: models ## build, fetch the models once, serve on 127.0.0.1:5000 (ARGS='--addr …')
	bin/sori serve $(ARGS)

.PHONY: services
services: models ## the seed's topology: ATOT :8000, TTOT :8002, TTS :8004 and the backend :5000 over them
	@ci/services.sh $(ARGS)

.PHONY: test
test: ## all tests: install what they need, race and shuffle, then whole processes
	@VERSION='$(VERSION)' ci/test.sh all

.PHONY: test-unit
test-unit: ## only the tests of the packages (PKG=./session/...)
	@ci/test.sh unit $(PKG)

.PHONY: test-s3
test-s3: ## recordings on a real S3 server, which is built first: minutes, once
	@ci/s3.sh

.PHONY: lint
lint: ## golangci-lint (built once, about 90 s), shellcheck, formatting
	@ci/lint.sh

.PHONY: fmt
fmt: ## format the Go code: gofumpt and grouped imports
	@"$$(ci/golangci.sh)" fmt

.PHONY: bench
bench: ## all benchmarks, with allocations (PKG=./audio)
	go test -run '^$$' -bench . -benchmem $(ARGS) $(or $(PKG),./...)

# A and B are the two commits that benchcmp compares; BENCH the benchmarks.
A ?= HEAD~1
B ?= HEAD
BENCH ?= .

.PHONY: benchcmp
benchcmp: ## the benchmarks of two commits beside each other (A=v1 B=HEAD PKG=./session BENCH=Push)
	@A='$(A)' B='$(B)' BENCH='$(BENCH)' ci/benchcmp.sh $(PKG)

.PHONY: bench-peers
bench-peers: build ## sori beside LiveKit Agents, from npm, in turns (SESSIONS=50 ROUNDS=3 ARGS=--duration=5s)
	@SESSIONS='$(SESSIONS)' ROUNDS='$(ROUNDS)' ci/bench-peers.sh $(ARGS)

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME each, 10 s by default (PKG=./protocol)
	@FUZZTIME='$(FUZZTIME)' ci/fuzz.sh $(PKG)

.PHONY: fuzz-sessions
fuzz-sessions: ## whole sessions, at /ws and /v1/realtime, for DURATION, 10m by default
	@DURATION='$(DURATION)' ci/fuzz-sessions.sh

.PHONY: soak
soak: build ## every kind of session against one process, for DURATION, 30m by default; memory stays flat
	SORI_SOAK='$(or $(DURATION),30m)' go test -tags e2e -run TestSoak -timeout 0 -v ./e2e

.PHONY: vulncheck
vulncheck: ## known vulnerabilities in what is used; says when the database is out of reach
	@ci/vulncheck.sh

.PHONY: third-party
third-party: ## write THIRD_PARTY.md: licences of all that is in the binary, in the page, or fetched
	@go run ./ci/parts third-party >THIRD_PARTY.md.new && mv THIRD_PARTY.md.new THIRD_PARTY.md

.PHONY: sbom
sbom: build ## write bin/sori.cdx.json, a CycloneDX SBOM of bin/sori
	@go run ./ci/parts sbom bin/sori '$(VERSION)' >bin/sori.cdx.json

.PHONY: docker
docker: ## build the container image with docker, podman or buildah
	@VERSION='$(VERSION)' IMAGE='$(IMAGE)' ci/image.sh

.PHONY: clean
clean: ## remove what was built here (the models and .tools stay)
	rm -rf bin
