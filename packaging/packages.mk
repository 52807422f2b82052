# The packages, into bin/packages: "make srpm", "make rpm", "make deb". They are reproducible: all times in them are that of the
# newest entry in the changelog of the spec file, which is also where the version stands.

SPEC = packaging/podman-ondemand.spec
PACKAGES = $(CURDIR)/bin/packages
# Another one than the spec file's is for tests.
PACKAGE_VERSION ?= $(shell sed -n 's/^Version: *//p' $(SPEC))
# rpmbuild takes noon in UTC as well.
export SOURCE_DATE_EPOCH ?= $(shell date -u +%s -d "$$(sed -n '/^%changelog/{n;s/^\* ... \(... [0-9]* [0-9]*\) .*/\1/p}' $(SPEC)) 12:00")
SOURCE = podman-ondemand-$(PACKAGE_VERSION)
TAR = tar --create -I 'gzip -n' --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime=@$(SOURCE_DATE_EPOCH)
TOP = $(PACKAGES)/rpmbuild
# What Fedora's rpmbuild does by itself, and Debian's does not. The name of the machine is in no package anyhow.
RPMBUILD = rpmbuild --define '_topdir $(TOP)' --define '_buildhost localhost' \
  --define 'source_date_epoch_from_changelog 1' --define 'clamp_mtime_to_source_date_epoch 1' --define 'use_source_date_epoch_as_buildtime 1' \
  --define 'build_mtime_policy clamp_to_source_date_epoch'
# "make rpm RPMFLAGS=--nocheck" spares the unit tests.
RPMFLAGS ?=

# Both sources: the tree as it lies here, what is not committed too, and the modules that it needs. (tar's S: no name is
# put in front of what symbolic links point to.)
dist:
	rm -rf $(PACKAGES)/source && mkdir -p $(PACKAGES)/source
	{ git -c safe.directory='*' ls-files -z --cached --others --exclude-standard 2>/dev/null || find . -path ./bin -prune -o ! -type d -print0; } | \
	  xargs -0 sh -c 'for f; do [ ! -e "$$f" -a ! -L "$$f" ] || printf "%s\0" "$${f#./}"; done' sh | LC_ALL=C sort -z | \
	  $(TAR) --no-recursion --null --files-from=- --transform='s,^,$(SOURCE)/,S' -f $(PACKAGES)/source/$(SOURCE).tar.gz
	$(GO) mod vendor -o $(PACKAGES)/source/vendor
	$(TAR) -C $(PACKAGES)/source -f $(PACKAGES)/source/$(SOURCE)-vendor.tar.gz vendor
	rm -rf $(PACKAGES)/source/vendor

# The source package has the spec file with its macros expanded, and with them the directory, unless that is a relative one.
srpm: dist
	packaging/need rpmbuild:rpm:rpm-build
	rm -rf $(TOP) && mkdir -p $(TOP)/SOURCES
	install -m 644 $(PACKAGES)/source/*.tar.gz $(TOP)/SOURCES/
	sed 's/^\(Version: *\).*/\1$(PACKAGE_VERSION)/' $(SPEC) >$(TOP)/podman-ondemand.spec
	chmod 644 $(TOP)/podman-ondemand.spec
	touch -d @$(SOURCE_DATE_EPOCH) $(TOP)/podman-ondemand.spec $(TOP)/SOURCES/*
	cd $(TOP) && $(RPMBUILD) --define '_topdir .' $(call nodeps) -bs podman-ondemand.spec
	cp $(TOP)/SRPMS/*.src.rpm $(PACKAGES)/

# From the source package, as everybody builds it who has only that.
rpm: srpm
	$(RPMBUILD) $(call nodeps) $(RPMFLAGS) --rebuild $(TOP)/SRPMS/$(SOURCE)-*.src.rpm
	cp $(TOP)/RPMS/*/*.rpm $(PACKAGES)/

# Where rpm itself came as another kind of package, its database knows nothing of what is there.
nodeps = $(shell rpm -q rpm >/dev/null 2>&1 || echo --nodeps)

deb:
	GO='$(GO)' DEBFLAGS='$(DEBFLAGS)' packaging/deb/build $(PACKAGE_VERSION) $(PACKAGES)

release-check:
	GO='$(GO)' packaging/release-check

.PHONY: dist srpm rpm deb release-check
