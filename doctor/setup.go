package doctor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"podman-ondemand/install"
	"podman-ondemand/manager"
	"podman-ondemand/snippet"
)

// What podman-ondemand itself has to be like.

// installSelf is the command that installs for one user.
const installSelf = "podman-ondemand install"

// generator asks systemd for a unit that only the generator can have made.
func (e *examiner) generator() {
	if e.Systemd == nil {
		return
	}
	u, err := e.Systemd.Unit(e.ctx, install.CheckUnit)
	environ, envErr := e.Systemd.Environment(e.ctx)
	searched := e.Installed.SystemWide != "" || e.Installed.Installed && e.Installed.Searched(environ)
	switch {
	case err != nil:
		e.fail(nil, "%v", err)
	case envErr != nil:
		e.fail(nil, "%v", envErr)
	case u.LoadState == "loaded" && searched:
		e.ok("systemd calls it: %s", u.FragmentPath)
	case u.LoadState == "loaded":
		e.fail(e.install(), "systemd called it before, and will not after the next daemon-reload")
	case searched:
		e.fail(commands(e.systemctl("daemon-reload")), "systemd has not called the generator")
	default:
		e.fail(e.install(), "systemd does not call the generator: no .ondemand file has any effect")
	}
}

func (e *examiner) install() []string {
	if e.Scope == manager.System {
		return nil
	}
	return commands(installSelf)
}

// settings are those that make systemd find the program in a home directory.
func (e *examiner) settings() {
	i := e.Installed
	switch {
	case !i.Installed && i.SystemWide != "":
		e.ok("installed for all users, none are needed")
		return
	case !i.Installed:
		return // generator has said so
	case !i.Configured:
		e.fail(e.install(), "%s is not there: systemd does not look for %s", i.DropIn, i.Program)
		return
	}
	if e.Systemd == nil {
		return
	}
	if environ, err := e.Systemd.Environment(e.ctx); err == nil && !i.Searched(environ) {
		e.fail(commands("systemctl --user daemon-reload"), "systemd has not read %s yet", i.DropIn)
		return
	}
	e.ok("%s", i.DropIn)
}

// program compares what is installed with what runs here.
func (e *examiner) program() {
	installed := e.installedProgram()
	if installed == "" {
		return
	}
	if e.Installed.Installed && e.Installed.SystemWide != "" {
		e.warn(commands("podman-ondemand uninstall", "systemctl --user daemon-reload"), "there are two: systemd takes %s, not %s, whatever is newer",
			e.Installed.Program, e.Installed.SystemWide)
	}
	own, ownErr := os.ReadFile(e.Program)
	theirs, err := os.ReadFile(installed)
	switch {
	case err != nil:
		e.fail(e.install(), "the installed program cannot be read: %v", err)
	case ownErr != nil || bytes.Equal(own, theirs):
		e.ok("%s, version %s", installed, e.Version)
	case installed == e.Installed.Program:
		e.warn(commands(e.Program+" install"), "%s is another version (%s) than this one (%s)", installed, e.versionOf(installed), e.Version)
	default:
		e.warn(nil, "%s is another version (%s) than this one (%s)", installed, e.versionOf(installed), e.Version)
	}
}

// installedProgram is the one that systemd calls.
func (e *examiner) installedProgram() string {
	if e.Installed.Installed {
		return e.Installed.Program
	}
	return e.Installed.SystemWide
}

func (e *examiner) versionOf(program string) string {
	said, err := e.Run(e.ctx, program, "version")
	if err != nil {
		return "it cannot be run"
	}
	return strings.TrimPrefix(strings.TrimSpace(said), "podman-ondemand ")
}

// proxies finds those that run a program which has been replaced since.
func (e *examiner) proxies() {
	installed, err := filepath.EvalSymlinks(e.installedProgram())
	if err != nil {
		return
	}
	running, old := 0, []string{}
	links, _ := filepath.Glob(e.path("/proc/[0-9]*/exe"))
	for _, link := range links {
		unit, ok := e.proxyOf(filepath.Dir(link))
		if !ok {
			continue
		}
		running++
		if exe, err := os.Readlink(link); err == nil && exe != installed {
			old = append(old, unit)
		}
	}
	slices.Sort(old)
	switch {
	case len(old) > 0:
		e.warn(commands(e.systemctl("stop "+strings.Join(old, " "))),
			"%s: the proxy runs an older program, until it sleeps or is stopped; the next connection starts the new one", strings.Join(old, ", "))
	case running > 0:
		e.ok("%d running, of the installed program", running)
	default:
		e.ok("none running")
	}
}

// proxyOf finds the unit in front of which a process of this user is a proxy.
func (e *examiner) proxyOf(proc string) (unit string, ok bool) {
	text, err := os.ReadFile(proc + "/cmdline")
	args := strings.Split(string(text), "\x00")
	if err != nil || len(args) < 2 || args[1] != "proxy" || filepath.Base(args[0]) != "podman-ondemand" || !e.owns(proc) {
		return "", false
	}
	for _, a := range args {
		if unit, ok := strings.CutPrefix(a, "--unit="); ok {
			return unit, true
		}
	}
	return "", false
}

// owns says whether a process has the user's id (proc_pid_status(5)).
func (e *examiner) owns(proc string) bool {
	text, _ := os.ReadFile(proc + "/status")
	for _, line := range strings.Split(string(text), "\n") {
		if ids, ok := strings.CutPrefix(line, "Uid:"); ok {
			f := strings.Fields(ids)
			return len(f) > 0 && f[0] == strconv.Itoa(e.UID)
		}
	}
	return false
}

// files are checked as verify does it.
func (e *examiner) files() {
	n := len(e.Files.Sources())
	if n == 0 {
		e.ok("no .ondemand files yet")
		return
	}
	ds := e.Verify(e.ctx, e.Files)
	said := fmt.Sprintf("%d read, nothing wrong", n)
	if len(ds) > 0 {
		said = fmt.Sprintf("%d read: %s", n, snippet.Summary(ds))
	}
	switch {
	case ds.HasErrors():
		e.fail(commands(e.forScope("podman-ondemand verify")), "%s", said)
	case len(ds) > 0:
		e.warn(commands(e.forScope("podman-ondemand verify")), "%s", said)
	default:
		e.ok("%s", said)
	}
}

func (e *examiner) forScope(command string) string {
	if e.Scope == manager.System {
		return "sudo " + command + " --system"
	}
	return command
}
