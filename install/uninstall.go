package install

import (
	"context"
	"os"
	"slices"
	"strings"

	"podman-ondemand/manager"
)

// uninstall undoes install. It says whether all of it is gone.
func (h *host) uninstall(ctx context.Context) bool {
	if !h.notRoot("uninstall", "remove the package") {
		return false
	}
	systemd, err := h.connect(ctx)
	if err != nil {
		h.note("your service manager does not answer (%v): only files are removed", err)
		return h.removeFiles()
	}
	defer systemd.Close()
	ok := true
	if all := h.systemWide(); all != "" {
		h.note("%s is there for all users and takes over: nothing is stopped", all)
	} else {
		ok = h.stopAll(ctx, systemd)
	}
	ok = h.removeFiles() && ok
	return h.checkGone(ctx, systemd) && ok
}

// stopAll stops every unit that the generator has made, while systemd still knows how: sockets before what they wake.
func (h *host) stopAll(ctx context.Context, systemd manager.Interface) bool {
	names, err := systemd.Units(ctx, "*.socket", "*.service")
	if err != nil {
		return h.fail("cannot list the units: " + err.Error())
	}
	ok := true
	for _, ours := range []func(string) bool{isSocket, isProxy, isOther} {
		for _, name := range names {
			if ours(name) {
				ok = h.stopOwn(ctx, systemd, name) && ok
			}
		}
	}
	return ok
}

func isSocket(name string) bool { return strings.HasSuffix(name, ".socket") }
func isProxy(name string) bool  { return strings.Contains(name, "-proxy") && !isSocket(name) }
func isOther(name string) bool  { return !isSocket(name) && !isProxy(name) }

// stopOwn stops a unit if it was made of an .ondemand file.
func (h *host) stopOwn(ctx context.Context, systemd manager.Interface, name string) bool {
	u, err := systemd.Unit(ctx, name)
	if err != nil {
		return h.fail(err.Error())
	}
	if !h.generated(u) || !strings.HasSuffix(u.SourcePath, ".ondemand") {
		return true
	}
	if !u.Down() {
		if err := systemd.Stop(ctx, name); err != nil {
			return h.fail(err.Error(), "See: systemctl "+h.scope.String()+" status "+name)
		}
		h.done("stopped %s", name)
	}
	return h.forget(ctx, systemd, name)
}

// forget keeps a unit that has failed from staying in systemd's memory without its file.
func (h *host) forget(ctx context.Context, systemd manager.Interface, name string) bool {
	u, err := systemd.Unit(ctx, name)
	if err == nil && u.ActiveState == "failed" {
		err = systemd.ResetFailed(ctx, name)
	}
	return err == nil || h.fail(err.Error())
}

func (h *host) removeFiles() bool {
	ok, made := true, h.recorded()
	files := []string{h.dropIn(), h.installed()}
	if ours, exists := isLinkTo(h.link(), h.installed()); ours {
		files = append(files, h.link())
	} else if exists {
		h.note("%s is not a link of ours and stays", h.link())
	}
	ok = h.removeShared() && ok
	for _, file := range files {
		switch removed, err := remove(file); {
		case err != nil:
			ok = h.fail("cannot remove: " + err.Error())
		case removed:
			h.done("removed %s", file)
		default:
			h.same("%s is not there", file)
		}
	}
	for _, dir := range h.emptied() {
		if slices.Contains(made, dir) {
			_ = os.Remove(dir) // fails for one that is not empty: as it should
		}
	}
	h.noteLeft()
	return ok
}

// noteLeft says what stays because a person has written it.
func (h *host) noteLeft() {
	if files := onDemandFiles(h.filesDir()); len(files) > 0 {
		h.note("your files stay:")
		h.lines(files)
	}
	for _, file := range h.settings() {
		if h.mentionsUs(file) {
			h.note("%s still has %s in %s", file, h.generatorDir(), variable)
		}
	}
}

// checkGone reloads the manager and asks whether it has forgotten the generator.
func (h *host) checkGone(ctx context.Context, systemd manager.Interface) bool {
	if err := systemd.Reload(ctx); err != nil {
		return h.fail(err.Error(), "See: journalctl "+h.scope.String()+" -n 20")
	}
	h.done("daemon-reload")
	if h.systemWide() != "" {
		return true
	}
	if !h.stopInstances(ctx, systemd) {
		return false
	}
	// A mark that stayed would tell a later installation that a person has stopped the socket.
	for _, dir := range []string{h.marksDir(), h.pidsDir()} {
		if err := os.RemoveAll(dir); err != nil { // of a link only the link
			return h.fail(err.Error())
		}
	}
	u, err := systemd.Unit(ctx, checkUnit)
	if err != nil {
		return h.fail(err.Error())
	}
	if u.LoadState == "loaded" {
		return h.fail("systemd still has "+u.FragmentPath, "Something else makes it: systemctl "+h.scope.String()+" cat "+checkUnit)
	}
	h.same("systemd no longer calls the generator")
	return true
}

// stopInstances ends the apply instances. Before the reload sockets.target would have started them again; now their
// template is gone and nothing is run.
func (h *host) stopInstances(ctx context.Context, systemd manager.Interface) bool {
	names, err := systemd.Units(ctx, "podman-ondemand-apply@*.service")
	if err != nil {
		return h.fail("cannot list the units: " + err.Error())
	}
	for _, name := range names {
		u, err := systemd.Unit(ctx, name)
		if err == nil && !u.Down() {
			err = systemd.Stop(ctx, name)
		}
		if err != nil {
			return h.fail(err.Error())
		}
		if !h.forget(ctx, systemd, name) {
			return false
		}
	}
	return true
}
