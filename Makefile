# Slipway. `make up` is the product, `make test` is the proof, `make help` lists the rest.

SHELL := /bin/bash
.DELETE_ON_ERROR:

WEB_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -path web/e2e -prune -o -type f -print)
PAYLOAD_SOURCES := $(shell find dockercoins -type f -not -name '*_test.go' -print) $(wildcard lab/images/pack/*.go)
PAYLOAD := lab/images/payload/dockercoins.tar.gz
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.PHONY: help
help: ## what you can ask for
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: up
up: build ## build, prepare the images, start the lab Engine and the server, print the addresses
	@bin/slipway up $(ARGS)

.PHONY: down
down: ## stop the server and the lab Engine; labs keep their volumes (slipway down --purge removes all)
	@test ! -x bin/slipway || bin/slipway down $(ARGS)

.PHONY: build
build: web/dist/.vite/manifest.json $(PAYLOAD) ## the web side and the one binary, bin/slipway
	@CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/slipway ./cmd/slipway

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@echo "  npm packages of the web side"
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/.vite/manifest.json: web/node_modules/.package-lock.json $(WEB_SOURCES)
	@echo "  the web side"
	@cd web && npm run --silent build
	@touch $@

$(PAYLOAD): $(PAYLOAD_SOURCES) go.mod
	@echo "  DockerCoins for the nodes"
	@go run ./lab/images/pack

.PHONY: test
test: ## everything: Go with -race, TypeScript, a real lab, the rehearsal, a real browser
	@scripts/test all

.PHONY: test-fast
test-fast: ## the inner loop: Go and TypeScript units, under two minutes
	@scripts/test fast

.PHONY: rehearse
rehearse: build ## every chapter of the built-in workshop in a fresh lab, one after the other
	@for chapter in $$(sed -n 's/^ *- name: //p' slides/orchestration/workshop.yaml); do \
	  test "$$chapter" = coffee || bin/slipway rehearse --only="$$chapter" $(ARGS) || exit; done

.PHONY: test-swarm
test-swarm: build ## swarm mode on five real nodes: every way in, scaling, updates, drain, losses
	@go test -race -timeout 30m -run '^TestSwarm' ./lab

.PHONY: check
check: ## format, vet, types, lint, known vulnerabilities
	@scripts/check

.PHONY: bench
bench: build ## measure; ONLY=terminal, lab, slides, exercises for one area; writes bench.json
	@scripts/bench $(ONLY)

.PHONY: clean
clean: ## what was built here; images and labs stay (slipway down --purge)
	@rm -rf bin web/dist/assets web/dist/.vite $(PAYLOAD) lab/images/payload/tools.gz lab/images/small/hamba/program bench.json
