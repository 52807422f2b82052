package install

import (
	"os"
	"slices"
	"strings"

	"podman-ondemand/manager"
)

// State is what is installed, as far as files tell.
type State struct {
	// Program is the generator of this user, DropIn the file that makes systemd look for it; Installed and Configured say
	// whether they are there, or, for the second, whether a file of the person's own names its directory.
	Program, DropIn       string
	Installed, Configured bool
	// SystemWide is the generator of all users, "" without one.
	SystemWide string
	// Dir is where Program is, for SYSTEMD_GENERATOR_PATH.
	Dir string
}

// Look finds out.
func Look(scope manager.Scope) (State, error) {
	h, err := thisHost(os.Getenv)
	if err != nil {
		return State{}, err
	}
	if scope == manager.System {
		return State{SystemWide: systemWide(generatorDirs(scope))}, nil
	}
	s := State{Program: h.installed(), DropIn: h.dropIn(), SystemWide: h.systemWide(), Dir: h.generatorDir()}
	s.Installed = isFile(s.Program)
	s.Configured = isFile(s.DropIn) || slices.ContainsFunc(h.settings(), h.mentionsUs)
	return s, nil
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Searched says whether a manager with that environment looks for generators where Program is.
func (s State) Searched(environ []string) bool {
	value, _ := lookup(environ, variable)
	return s.Dir != "" && searches(value, s.Dir)
}

// CheckUnit is a unit that is there if systemd has called the generator.
const CheckUnit = checkUnit

// SystemdTooOld compares a version as the manager states it with the oldest one that will do.
func SystemdTooOld(version string) (oldest int, tooOld bool) {
	n := leadingNumber(version)
	return oldestSystemd, n > 0 && n < oldestSystemd
}

// PodmanTooOld does it for a version of podman's.
func PodmanTooOld(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	a, b := leadingNumber(major), leadingNumber(rest)
	return a < oldestMajor || a == oldestMajor && b < oldestMinor
}
