# podman-ondemand: "make" builds it, "make demo" shows it, "make test" runs every test there is.

PREFIX ?= /usr
DESTDIR ?=
GO ?= go
# The version is stamped below; asking git a second time fails where the tree is somebody else's.
BUILD = CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false
# No hot path runs through these packages: inlining in them only makes the program larger, by 50 kB.
COLD = github.com/... fmt reflect
VERSION ?= $(patsubst v%,%,$(shell git describe --tags --always --dirty 2>/dev/null || echo unknown))
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GENERATORS = lib/systemd/user-generators lib/systemd/system-generators
MANPAGES = $(wildcard packaging/man/*.[158])
# Each shell, and where it looks for completions below PREFIX/share.
COMPLETIONS = bash:bash-completion/completions/podman-ondemand zsh:zsh/site-functions/_podman-ondemand \
  fish:fish/vendor_completions.d/podman-ondemand.fish
# Where the program is built.
OUT ?= bin
# What did not run, a line each with the reason; "make test" names it at the end.
NOT_RUN = bin/not-run

all: $(OUT)/podman-ondemand

# Go knows what has changed. Static: an external linker or a position-independent executable doubles the start time.
$(OUT)/podman-ondemand: FORCE
	$(BUILD) $(COLD:%=-gcflags=%=-l) -ldflags "-s -w -X main.version=$(VERSION)" -o $@ ./cmd/podman-ondemand

install: all
	install -D -m 755 $(OUT)/podman-ondemand $(DESTDIR)$(PREFIX)/bin/podman-ondemand
	for dir in $(GENERATORS); do \
	  mkdir -p $(DESTDIR)$(PREFIX)/$$dir && ln -sf ../../../bin/podman-ondemand $(DESTDIR)$(PREFIX)/$$dir/podman-ondemand || exit; \
	done
	for page in $(MANPAGES); do install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit; done
	set -e; for shell in $(COMPLETIONS); do \
	  file=$(DESTDIR)$(PREFIX)/share/$${shell#*:}; mkdir -p $${file%/*}; \
	  $(OUT)/podman-ondemand completion $${shell%%:*} >$$file; \
	done

# What a package has besides: the documents, and the licences of what is linked into the program.
DOCDIR = $(DESTDIR)$(PREFIX)/share/doc/podman-ondemand
install-doc:
	mkdir -p $(DOCDIR)
	cp -R --preserve=timestamps README.md CHANGELOG.md docs examples $(DOCDIR)/

# The manual pages and the picture of the units are in the repository: tests say when this has to be run.
docs: man
	$(GO) test ./packaging/picture -run '^TestPicture$$' -update

man:
	$(GO) test ./cmd/podman-ondemand -run '^TestManPages$$' -update

# Every test there is. What cannot run on this machine is named at the end, and in CI it is a failure.
test:
	@mkdir -p bin && rm -f $(NOT_RUN)
	@-packaging/need rpmspec:rpm:rpm-build
	@$(MAKE) --no-print-directory unit
	@if [ "$$(id -u)" = 0 ]; then $(MAKE) --no-print-directory e2e; \
	 else echo "the tests with a real systemd and podman: they need root" >>$(NOT_RUN); fi
	@if [ ! -s $(NOT_RUN) ]; then echo "Everything ran."; \
	 else echo "Did not run:"; sed 's/^/  /' $(NOT_RUN); [ "$$CI" != true ]; fi

# The fast part: no systemd, no podman, no root.
unit:
	@mkdir -p bin
	test -z "$$(gofmt -l $(filter-out bin/,$(wildcard */)) | tee /dev/stderr)"
	$(GO) vet ./...
	$(GO) vet -tags e2e ./e2e
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(STATICCHECK) -tags e2e ./e2e
	@if [ "$$($(GO) env CGO_ENABLED)" = 1 ] && command -v "$$($(GO) env CC)" >/dev/null; then \
	   NOT_RUN=$(NOT_RUN) e2e/gotest $(GO) test -race ./...; \
	 else \
	   echo "the race detector: no C compiler ($$($(GO) env CC))" >>$(NOT_RUN); \
	   NOT_RUN=$(NOT_RUN) e2e/gotest $(GO) test ./...; \
	 fi

# Looks for input that breaks something, FUZZTIME long for each kind; the golden trees are where it begins. What it finds is kept
# below testdata/fuzz of the package, as a test.
FUZZTIME ?= 10m
fuzz:
	@set -e; for package in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
	    echo "$$package $$f $(FUZZTIME)"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$package >bin/fuzz.log || { cat bin/fuzz.log; exit 1; }; \
	  done; \
	done

# The tests with a real systemd and podman; RUN=pattern chooses some.
e2e: all
	NOT_RUN=$(NOT_RUN) e2e/run $(if $(RUN),-test.run '$(RUN)')

# The tests named Soak in full: half an hour, where "make test" has their short form.
soak: all
	PODMAN_ONDEMAND_SOAK=1 e2e/run -test.run '$(if $(RUN),$(RUN),Soak)' -test.timeout=80m

demo: all
	$(BUILD) -ldflags "-s -w" -o bin/testapp ./e2e/testapp
	e2e/demo.sh

bench: all
	e2e/bench/run

include packaging/packages.mk

clean:
	rm -rf bin

FORCE:

.PHONY: all install install-doc man docs test unit fuzz e2e soak demo bench clean FORCE
