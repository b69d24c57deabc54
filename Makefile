# Everything that is done with this repository. `make help` lists it.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X dispatcher/internal/cli.buildVersion=$(VERSION)
CC_BIN  := $(shell command -v gcc || command -v clang || command -v cc)
RACE    := $(if $(CC_BIN),-race,)
FUZZ    ?= 10s
ROOTFS  ?= bin/rootfs
IMAGE   ?= ciso-assistant-dispatcher:latest
PREFIX  ?= /usr/local
BINARY  ?= bin/dispatcher
CYCLONEDX ?= github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
CA_CERTS ?= /etc/ssl/certs/ca-certificates.crt

.PHONY: help build generate rootfs image dist licences install uninstall test test-real demo sandbox bench bench-backlog bench-history screenshots lint fmt fuzz clean prove prove-sabotage prove-power

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

build: ## build bin/dispatcher (BINARY), one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(BINARY) .

rootfs: ## the root file system of the image, in ROOTFS
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(ROOTFS)/usr/local/bin/dispatcher .
	mkdir -p $(ROOTFS)/etc/ssl/certs $(ROOTFS)/data $(ROOTFS)/usr/share/doc/dispatcher
	GOOS= GOARCH= $(GO) run ./internal/licences -texts $(ROOTFS)/usr/local/bin/dispatcher >$(ROOTFS)/usr/share/doc/dispatcher/LICENCES
	cp $(CA_CERTS) $(ROOTFS)/etc/ssl/certs/ca-certificates.crt
	echo 'dispatcher:x:65532:65532::/data:/sbin/nologin' >$(ROOTFS)/etc/passwd
	echo 'dispatcher:x:65532:' >$(ROOTFS)/etc/group

image: ## the container image IMAGE, for this machine; needs Docker
	docker build --build-arg VERSION=$(VERSION) -t $(IMAGE) .

dist: ## tarballs and Debian packages for amd64 and arm64, in dist/ (ARCHS, DIST); same commit, same bytes
	deploy/package/dist

licences: build ## docs/licences.md: the licences of what is in the binary
	GOFLAGS=-trimpath $(GO) run $(CYCLONEDX) bin -json -licenses -std -noserial -notimestamp -version $(VERSION) -output bin/sbom.cdx.json $(BINARY)
	$(GO) run ./internal/licences bin/sbom.cdx.json >bin/licences.md && mv bin/licences.md docs/licences.md

install: build ## binary, systemd unit, man page and completions below DESTDIR and PREFIX (see docs/installing.md)
	install -D -m 0755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/dispatcher
	install -d $(DESTDIR)/etc/systemd/system
	sed 's|/usr/local/bin/dispatcher|$(PREFIX)/bin/dispatcher|' deploy/systemd/dispatcher.service >$(DESTDIR)/etc/systemd/system/dispatcher.service
	install -D -m 0644 deploy/man/dispatcher.1 $(DESTDIR)$(PREFIX)/share/man/man1/dispatcher.1
	install -D -m 0644 deploy/completions/bash/dispatcher $(DESTDIR)$(PREFIX)/share/bash-completion/completions/dispatcher
	install -D -m 0644 deploy/completions/zsh/_dispatcher $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_dispatcher
	install -D -m 0644 deploy/completions/fish/dispatcher.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/dispatcher.fish
	install -D -m 0644 deploy/systemd/dispatcher.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/dispatcher.conf
	test -e $(DESTDIR)/etc/dispatcher/dispatcher.env || install -D -m 0640 deploy/systemd/dispatcher.env $(DESTDIR)/etc/dispatcher/dispatcher.env
	install -d -m 0700 $(DESTDIR)/etc/dispatcher/secrets

uninstall: ## remove what install put there; settings, secrets and data stay
	rm -f $(DESTDIR)$(PREFIX)/bin/dispatcher $(DESTDIR)/etc/systemd/system/dispatcher.service $(DESTDIR)$(PREFIX)/lib/sysusers.d/dispatcher.conf
	cd $(DESTDIR)$(PREFIX)/share && rm -f man/man1/dispatcher.1 bash-completion/completions/dispatcher zsh/site-functions/_dispatcher fish/vendor_completions.d/dispatcher.fish

test: ## unit and integration tests, the real binary included; with the race detector where there is a C compiler
	@$(if $(RACE),echo "race detector: on ($(CC_BIN))",echo "race detector: OFF, there is no C compiler")
	$(if $(RACE),CGO_ENABLED=1) $(GO) test $(RACE) -timeout 12m ./...
	$(if $(RACE),$(GO) test -timeout 8m -run EveryCombination ./internal/compose)

test-real: ## the main path on a real Apache Kafka and a real S3 server (see docs/testing.md)
	$(GO) test -tags real -timeout 12m -count=1 -v -run Real ./internal/e2e

prove: ## attack the promise: 200 kills and all that can go wrong (28 minutes; SHORT=1: 4, FAST=1: embedded Kafka, SEED=n: again)
	$(GO) run $(if $(FAST),,-tags real) ./internal/prove

prove-power: ## cut the power at random moments; needs strace
	$(GO) run ./internal/prove power

prove-sabotage: ## switch off each safeguard in turn: the attack must notice (ONLY=name for one, SHORT=1: some)
	$(GO) run ./internal/prove sabotage

demo: ## the whole product on embedded stand-ins, with an outage and a kill -9
	$(GO) run ./internal/demo

sandbox: ## the embedded stand-ins alone until Ctrl-C, to try the dispatcher by hand
	$(GO) run ./internal/demo sandbox

bench: ## measure against a bare loop in the same run; SHORT=1 for a look
	$(GO) run ./internal/bench

bench-backlog: ## measure a backlog of a million messages, with a kill in the middle
	BENCH_ONLY=backlog $(GO) run ./internal/bench

screenshots: ## make the pictures in docs/screenshots anew; needs Chromium, takes some minutes
	SCREENSHOTS=$(CURDIR)/docs/screenshots $(GO) test ./internal/e2e -run TestScreenshots -count=1 -timeout 12m

bench-history: ## measure what operators wait for with a million ended jobs, and a retry of 100,000
	BENCH_ONLY=history $(GO) run ./internal/bench

lint: ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./... && $(GO) vet -tags 'real crashpoints sabotage' ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.7.0 ./...

generate: ## write what follows from the code: settings table, man page, completions, AsyncAPI, examples
	$(GO) run ./internal/gen

fmt: ## format the code
	gofmt -w $$(git ls-files '*.go')

fuzz: ## fuzz every decoder for FUZZ each (default 10s)
	@set -e; for target in FuzzParseMessage:./jobs FuzzDecodeEnvelope:./jobs FuzzDecodeJob:./store FuzzParseFile:./config \
	  FuzzSelector:./workers/ciso FuzzUpdate:./workers/ciso FuzzFolderPath:./workers/ciso \
	  FuzzErrorText:./workers/ciso FuzzPlainHead:./workers/ciso FuzzRowsAreReadAsJSONIs:./workers/ciso FuzzFromBase64:./workers/attachment FuzzCommitMetadata:./ingest FuzzStoredName:./workers/attachment; do \
	  $(GO) test -run '^$$' -fuzz "^$${target%%:*}$$" -fuzztime $(FUZZ) "$${target##*:}"; done

clean: ## remove what was built
	rm -rf bin
