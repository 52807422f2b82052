// Package manager asks and tells one systemd service manager over D-Bus, see org.freedesktop.systemd1(5).
//
// It holds what the apply helper, the installer and the proxy need, and nothing else. Interface is what the first two use;
// Conn is the real one, managertest.Fake the one of their tests.
package manager

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Scope says which service manager is meant: the user's own or the system's.
type Scope int

const (
	// User is the calling user's service manager (systemctl --user).
	User Scope = iota
	// System is the service manager with process id 1 (systemctl --system).
	System
)

// String is the option of systemctl(1) that selects the manager.
func (s Scope) String() string {
	if s == System {
		return "--system"
	}
	return "--user"
}

// Interface is what this program does with a service manager. Start, Stop and Restart wait for the end of the job.
type Interface interface {
	// Unit loads the unit if need be and tells its state; a unit without a file has LoadState "not-found".
	Unit(ctx context.Context, name string) (Unit, error)
	// Some is Unit with no more than these properties, in systemd's words (org.freedesktop.systemd1(5)). For a whole Unit the
	// manager looks for drop-ins in all its directories, which takes 2 ms; a property takes 0.04 ms.
	Some(ctx context.Context, name string, properties ...string) (Unit, error)
	// States is Unit for several at once, with no more than LoadState, ActiveState, SubState and Queued. It costs what one property
	// does.
	States(ctx context.Context, names ...string) ([]Unit, error)
	// Details tells of some units what a person wants to know, and nothing of their dependencies but Triggers.
	Details(ctx context.Context, names ...string) ([]Details, error)
	// Units lists the units in memory whose name matches one of the patterns (glob(7)).
	Units(ctx context.Context, patterns ...string) ([]string, error)
	// Listening tells what a socket unit is to listen on, whether it does or not.
	Listening(ctx context.Context, socket string) (Listening, error)
	Start(ctx context.Context, unit string) error
	Stop(ctx context.Context, unit string) error
	Restart(ctx context.Context, unit string) error
	// ResetFailed forgets that a unit has failed; one without a file then leaves the manager's memory.
	ResetFailed(ctx context.Context, unit string) error
	// Reload runs the generators and reads all unit files again (systemctl daemon-reload).
	Reload(ctx context.Context) error
	// Environment is the manager's own environment block, NAME=VALUE.
	Environment(ctx context.Context) ([]string, error)
	// Version is systemd's version as the manager states it, "252.39-1~deb12u2".
	Version(ctx context.Context) (string, error)
	Close()
}

// Unit is the part of a unit's properties that somebody here asks for. The strings are systemd's own.
type Unit struct {
	Name         string   // as it was asked for
	Names        []string // that and its aliases
	LoadState    string   // loaded, not-found, masked, bad-setting, error
	ActiveState  string   // active, reloading, inactive, failed, activating, deactivating
	SubState     string   // of the unit's type: running, dead, auto-restart, …
	FragmentPath string
	SourcePath   string
	DropInPaths  []string
	Since        time.Time // of its ActiveState
	Starting     time.Time // when its last start began (InactiveExitTimestamp)
	Active       time.Time // when it was last active first (ActiveEnterTimestamp)
	Unmet        bool      // a Condition…= or Assert…= kept the last start from happening
	Triggers     []string  // what a socket starts
	Queued       bool      // it waits for a job, or a job is under way
	Requires     []string
	Wants        []string
	BindsTo      []string
	RequiredBy   []string
	WantedBy     []string
	BoundBy      []string
	UpheldBy     []string
}

// Details is a unit's state as a person wants to know it. What the unit's type has not is zero.
type Details struct {
	Unit
	NeedDaemonReload bool      // its file has changed since systemd read it
	Listening        Listening // of a socket
	Result           string    // how the last run ended: success, exit-code, start-limit-hit, …
	StatusText       string    // STATUS= of the last sd_notify(3)
	ExitStatus       int       // of the last main process
	Memory           uint64    // bytes of its control group; 0: nobody counts them
}

// Exit is how a service's main process ended.
type Exit struct {
	Result string // Result in org.freedesktop.systemd1(5): success, timeout, …
	Status int    // what it exited with
	Signal int    // what killed it, 0 where it exited
}

// Listening is the part of a socket unit's settings that says whether its addresses can be bound to (systemd.socket(5)).
type Listening struct {
	Streams   []string // ListenStream= as systemd writes addresses: "[::]:80", "127.0.0.1:80", "/run/x", "@x"
	Datagrams []string // ListenDatagram=
	IPv6Only  string   // BindIPv6Only=: default, both or ipv6-only
	FreeBind  bool
	ReusePort bool
}

// Up says whether the unit runs or is about to.
func (u Unit) Up() bool {
	return u.ActiveState == "active" || u.ActiveState == "activating" || u.ActiveState == "reloading"
}

// Down says whether the unit is at rest: not even on its way down.
func (u Unit) Down() bool { return u.ActiveState == "inactive" || u.ActiveState == "failed" }

// PullsIn are the properties that PulledInBy puts together.
var PullsIn = []string{"WantedBy", "RequiredBy", "UpheldBy"}

// PulledInBy names the units that would start this one.
func (u Unit) PulledInBy() []string {
	var all []string
	all = append(all, u.WantedBy...)
	all = append(all, u.RequiredBy...)
	return append(all, u.UpheldBy...)
}

// Tied names this unit, those that it starts, and those that start it or go with it.
func (u Unit) Tied() []string {
	return slices.Concat(u.Names, u.Requires, u.Wants, u.BindsTo, u.RequiredBy, u.WantedBy, u.BoundBy)
}

// JobTimeout is how long Start, Stop and Restart of a Conn wait for the end of a job: systemd's own DefaultTimeoutStopSec=
// (systemd-system.conf(5)).
const JobTimeout = 90 * time.Second

// JobError says that a job ended otherwise than "done". Result is one of JobRemoved's words (org.freedesktop.systemd1(5)),
// or "" when it had not ended after JobTimeout.
type JobError struct {
	Verb, Unit, Result string
}

func (e *JobError) Error() string {
	if e.Result == "" {
		return fmt.Sprintf("the %s of %s has not ended after %v", e.Verb, e.Unit, JobTimeout)
	}
	return fmt.Sprintf("the %s of %s ended with %q", e.Verb, e.Unit, e.Result)
}
