package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"podman-ondemand/manager"
)

// A package is for all users, so its scripts have to reach every service manager that runs. They call this as root, and it calls
// itself for each manager: for a user's as that user, whose manager answers nobody else.

// PackageUsage is the command's form.
const PackageUsage = "package [--user|--system] reload|stop|forget|remove"

// PackageHelp is what the command is for.
const PackageHelp = `Run by the scripts of the RPM and the .deb, not by people. As root, in the
system's service manager and in that of every user:

  reload   after an installation or upgrade: a daemon-reload, so that the units
           are those of the new program. What is awake stays awake.
  remove   before the removal: stops every application and makes systemd
           forget all units of the program.

A user who has an installation of their own is left alone by remove.

  --user     only the caller's own service manager; remove is then in two steps,
  --system   stop and forget, between which systemd is told to leave the
             generator out. --system: only the system's
`

// Package is `podman-ondemand package`; args are what follows that word. The result is the exit status.
func Package(args []string) int {
	scope, one := manager.User, false
	if len(args) == 2 && (args[0] == "--user" || args[0] == "--system") {
		one = true
		if args[0] == "--system" {
			scope = manager.System
		}
		args = args[1:]
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var err error
	switch {
	case len(args) == 1 && one:
		err = packageOne(ctx, scope, args[0])
	case len(args) == 1 && os.Getuid() == 0:
		err = thisMachine().packageAll(ctx, args[0])
	default:
		err = errors.New("usage, as root: podman-ondemand " + PackageUsage)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "podman-ondemand: %v\n", err)
		return 1
	}
	return 0
}

// packageOne does a step in one manager.
func packageOne(ctx context.Context, scope manager.Scope, verb string) error {
	h, err := thisHost(os.Getenv)
	if err != nil {
		return err
	}
	h.out = io.Discard
	if scope == manager.System {
		h.forSystem()
	}
	return h.packageStep(ctx, verb)
}

// forSystem makes it the system's manager that all is about.
func (h *host) forSystem() {
	h.scope, h.runtime, h.generators = manager.System, "/run", generatorDirs(manager.System)
}

func (h *host) packageStep(ctx context.Context, verb string) error {
	systemd, err := h.connect(ctx)
	if err != nil {
		return err
	}
	defer systemd.Close()
	switch verb {
	case "reload":
		return systemd.Reload(ctx)
	case "stop", "forget":
		return h.withdraw(ctx, systemd, verb)
	}
	return fmt.Errorf("%q is none of reload, stop and forget", verb)
}

// withdraw does nothing where another installation has made the units.
func (h *host) withdraw(ctx context.Context, systemd manager.Interface, verb string) error {
	ours, err := h.madeByThis(ctx, systemd)
	if err != nil || !ours {
		return err
	}
	do := h.stopAll
	if verb == "forget" {
		do = h.checkGone
	}
	if !do(ctx, systemd) {
		return errors.New("not all could be stopped")
	}
	return nil
}

// madeByThis says whether the units that the manager has are of this program. The units tell, and not the files below the user's
// home: rpm hides /home from a package's scripts (%__transaction_unshare_paths).
func (h *host) madeByThis(ctx context.Context, systemd manager.Interface) (bool, error) {
	u, err := systemd.Unit(ctx, checkUnit)
	if err != nil || u.LoadState != "loaded" || !h.generated(u) {
		return false, err
	}
	text, err := os.ReadFile(u.FragmentPath)
	if err != nil {
		return false, err
	}
	program, err := filepath.EvalSymlinks(h.program)
	return strings.Contains(string(text), "\nExecStart="+program+" "), err
}
