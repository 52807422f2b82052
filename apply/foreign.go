package apply

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"podman-ondemand/manager"
)

// warnOfForeign names files that come before the generator's own for one of the units: then connections wait for something
// that never comes.
func (a applier) warnOfForeign(ctx context.Context, socket manager.Unit) {
	self, err := a.systemd.Some(ctx, a.app.instance(), "FragmentPath")
	if err != nil || self.FragmentPath == "" { // called by hand
		return
	}
	if filepath.Dir(socket.FragmentPath) != filepath.Dir(self.FragmentPath) {
		a.warnOf(socket)
		return
	}
	if !slices.Contains(socket.Triggers, a.app.proxy()) {
		a.warnOfForeignService(ctx, socket)
		return
	}
	proxy, err := a.systemd.Some(ctx, a.app.proxy(), "FragmentPath", "SourcePath", "Wants")
	if err != nil {
		return
	}
	if !together(proxy, socket) {
		a.warnOf(proxy)
		return
	}
	service, err := a.systemd.Some(ctx, a.app.service(), "FragmentPath", "SourcePath", "DropInPaths")
	if err == nil && slices.Contains(proxy.Wants, service.Name) && !isExisting(service) && !together(service, socket) {
		a.warnOf(service)
	}
}

// warnOfForeignService is for a socket that starts the container's service itself.
func (a applier) warnOfForeignService(ctx context.Context, socket manager.Unit) {
	for _, name := range socket.Triggers {
		if service, err := a.systemd.Some(ctx, name, "FragmentPath", "SourcePath"); err == nil && !together(service, socket) {
			a.warnOf(service)
		}
	}
}

// isExisting says whether u is to be somebody else's: [OnDemand] Unit= names it. The generator writes a drop-in for it.
func isExisting(u manager.Unit) bool {
	return slices.ContainsFunc(u.DropInPaths, func(path string) bool {
		return strings.HasPrefix(filepath.Base(path), "50-") && strings.HasSuffix(path, "-ondemand.conf")
	})
}

func (a applier) warnOf(u manager.Unit) {
	file := u.FragmentPath
	if u.SourcePath != "" {
		file = u.SourcePath
	}
	a.logf(levelWarning, "%s is not the one that is made of the .ondemand file: systemd has it from %s. Connections may wait in vain. Remove or rename one of the two",
		u.Name, file)
}
