package install

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"

	"podman-ondemand/manager"
)

// checkUnit is an instance of the template that the generator writes at each of its runs, whether there are files or not.
const checkUnit = "podman-ondemand-apply@check.service"

// check reloads the manager and asks it whether it now calls the generator.
func (h *host) check(ctx context.Context, systemd manager.Interface) bool {
	if err := systemd.Reload(ctx); err != nil {
		return h.fail(err.Error(), "See: journalctl --user -n 20")
	}
	h.done("daemon-reload")
	environ, err := systemd.Environment(ctx)
	if err != nil {
		return h.fail(err.Error())
	}
	if value, _ := lookup(environ, variable); !searches(value, h.generatorDir()) {
		return h.fail("systemd did not take up "+h.dropIn(),
			"See whether it complains: journalctl --user -n 50 -g user.conf",
			"and whether a login from anew helps (it ends what runs now): loginctl terminate-user "+h.user)
	}
	h.same("systemd has the directory in its %s", variable)
	u, err := systemd.Unit(ctx, checkUnit)
	if err != nil {
		return h.fail(err.Error())
	}
	if u.LoadState != "loaded" || !h.generated(u) {
		return h.fail("systemd knows where the program is, but the program made no units ("+checkUnit+": "+u.LoadState+")",
			"See what it says: journalctl --user -n 50 -t podman-ondemand",
			"and by hand: "+h.installed()+" generate --dry-run")
	}
	h.same("systemd calls the generator: %s", u.FragmentPath)
	return true
}

// generated says whether the unit's file is in one of the three directories of systemd.generator(7).
func (h *host) generated(u manager.Unit) bool {
	dir := filepath.Dir(u.FragmentPath)
	return filepath.Dir(dir) == filepath.Join(h.runtime, "systemd") && strings.HasPrefix(filepath.Base(dir), "generator")
}

// managersConfig is the configuration directory in the manager's view.
func managersConfig(environ []string) string {
	if config, ok := lookup(environ, "XDG_CONFIG_HOME"); ok && filepath.IsAbs(config) {
		return filepath.Clean(config)
	}
	if home, ok := lookup(environ, "HOME"); ok {
		return filepath.Join(home, ".config")
	}
	return ""
}

// Oldest podman with Quadlet's ways, which the units follow (podman-systemd.unit(5)).
const oldestMajor, oldestMinor = 4, 4

func (h *host) checkPodman(ctx context.Context) bool {
	out, err := h.podman(ctx)
	if err != nil {
		return h.fail("podman cannot be run: "+err.Error(), "Install podman 4.4 or newer, for example: sudo apt install podman")
	}
	version := strings.TrimPrefix(strings.TrimSpace(out), "podman version ")
	if PodmanTooOld(version) {
		return h.fail("podman "+version+" is too old: "+strconv.Itoa(oldestMajor)+"."+strconv.Itoa(oldestMinor)+" is needed",
			"Install a newer podman, for example from your distribution's backports.")
	}
	h.same("podman %s", version)
	return true
}
