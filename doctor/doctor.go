// Package doctor looks whether the machine and the user's setup are as podman-ondemand needs them, and says for each thing
// that is not which command mends it. It changes nothing.
package doctor

import (
	"context"
	"fmt"

	"podman-ondemand/generator"
	"podman-ondemand/install"
	"podman-ondemand/manager"
	"podman-ondemand/parser"
)

// Level is how bad a finding is.
type Level int

// The levels: an Error keeps something from working, a Warning is worth knowing.
const (
	OK Level = iota
	Warning
	Error
)

func (l Level) String() string { return [...]string{"ok", "warning", "error"}[l] }

// Finding is one line of the answer. Mend are the commands that mend it, in their order.
type Finding struct {
	Check string
	Level Level
	Text  string
	Mend  []string
}

// check looks at one thing and adds what it finds.
type check struct {
	name     string
	userOnly bool // it makes no sense for the system's manager
	run      func(*examiner)
}

// checks are all of them, in the order in which one explains the next.
var checks = []check{
	{"systemd", false, (*examiner).systemd},
	{"podman", false, (*examiner).podman},
	{"containers", false, (*examiner).containers},
	{"sub-ids", true, (*examiner).subIDs},
	{"nsenter", false, (*examiner).nsenter},
	{"generator", false, (*examiner).generator},
	{"settings", true, (*examiner).settings},
	{"program", false, (*examiner).program},
	{"proxies", false, (*examiner).proxies},
	{"linger", true, (*examiner).linger},
	{"network", true, (*examiner).network},
	{"ports", true, (*examiner).ports},
	{"cgroups", false, (*examiner).cgroups},
	{"selinux", false, (*examiner).selinux},
	{"files", false, (*examiner).files},
}

// Host is the machine as this package sees it; tests make their own.
type Host struct {
	Scope manager.Scope
	// Root is "/"; the paths of the system's files start from it.
	Root string
	UID  int
	User string
	// Systemd is nil where no manager answers; SystemdErr says why.
	Systemd    manager.Interface
	SystemdErr error
	Installed  install.State
	// Program is the one that runs, with its version.
	Program, Version string
	// Podman is the path that the units have.
	Podman string
	// Run runs a command and returns what it prints; the error has what it printed to stderr.
	Run func(ctx context.Context, command ...string) (stdout string, err error)
	// LookPath finds a program.
	LookPath func(name string) (string, error)
	// Label is the SELinux label of a file.
	Label func(path string) (string, error)
	// Files is what the generator makes of the files, Verify what is wrong with them.
	Files  generator.Result
	Verify func(context.Context, generator.Result) parser.Diags
	// FirstPort is the first port that may be listened on without root.
	FirstPort int
}

// Examine makes all checks.
func (h *Host) Examine(ctx context.Context) []Finding {
	e := &examiner{Host: h, ctx: ctx}
	for _, c := range checks {
		if c.userOnly && h.Scope == manager.System {
			continue
		}
		e.check = c.name
		c.run(e)
	}
	return e.findings
}

// examiner collects findings.
type examiner struct {
	*Host
	ctx      context.Context
	check    string
	findings []Finding
	info     *info // of podman, once containers has asked and it has answered
}

func (e *examiner) add(l Level, mend []string, format string, args ...any) {
	e.findings = append(e.findings, Finding{e.check, l, fmt.Sprintf(format, args...), mend})
}

func (e *examiner) ok(format string, args ...any) { e.add(OK, nil, format, args...) }

// warn and fail take the commands that mend it first.
func (e *examiner) warn(mend []string, format string, args ...any) {
	e.add(Warning, mend, format, args...)
}

func (e *examiner) fail(mend []string, format string, args ...any) {
	e.add(Error, mend, format, args...)
}

// commands is a list of commands.
func commands(c ...string) []string { return c }

// systemctl writes a call of systemctl(1) for the manager.
func (e *examiner) systemctl(rest string) string {
	if e.Scope == manager.System {
		return "sudo systemctl " + rest
	}
	return "systemctl --user " + rest
}
