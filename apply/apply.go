package apply

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"podman-ondemand/manager"
)

// Levels of sd-daemon(3).
const (
	levelErr     = "<3>"
	levelWarning = "<4>"
	levelInfo    = "<6>"
)

// applier does one application's start or stop.
type applier struct {
	systemd  manager.Interface
	scope    manager.Scope
	app      application
	dir      string // where the marks are
	log      io.Writer
	retry    time.Duration // between two looks at a lock or an address that somebody else has
	patience time.Duration // how long an address may be taken before that is a failure

	bindable func(manager.Listening) error
	podman   func(ctx context.Context, args ...string) error
}

func (a applier) logf(level, format string, args ...any) {
	fmt.Fprintf(a.log, level+a.app.name+": "+format+"\n", args...)
}

// runtimeDir is the RuntimeDirectory= of a container's service, beside that of the marks.
func (a applier) runtimeDir(service string) string {
	return filepath.Join(filepath.Dir(a.dir), "podman-ondemand", strings.TrimSuffix(service, ".service"))
}

// action is what a start has to do with the socket.
type action int

const (
	leave   action = iota // it is as it should be, or as a person wants it
	begin                 // it does not listen and should
	replace               // it listens where the old text said
)

// decide is the whole rule of a start. before is what the mark says, wanted whether a unit that runs pulls the socket in.
func decide(before record, hash string, listening, wanted bool) action {
	switch {
	case before.state != failed && sameSocket(before.hash, hash):
		if wanted && !listening && before.state == unwanted {
			return begin // [Install] is all that has changed, and so that a boot would start it now
		}
		return leave // a reload that changed nothing; where it does not listen, a person has stopped it
	case listening && before.hash == "":
		return leave // boot: sockets.target has just started it
	case listening:
		return replace
	case wanted:
		return begin
	}
	return leave // nothing would have started it at boot either
}

// socketProperties are what is asked of a socket.
var socketProperties = append([]string{"LoadState", "ActiveState", "FragmentPath", "SourcePath", "Triggers"}, manager.PullsIn...)

// failure says how a start failed.
type failure struct {
	left string // the socket's ActiveState afterwards
	busy bool   // an address could not be bound to; the socket got no order
}

// start applies the socket's text as it is now. What it gives is not nil where that failed and may work later; last is
// what the call before gave.
func (a applier) start(ctx context.Context, last *failure) (*failure, error) {
	m := mark{a.dir, a.app.name}
	unlock, err := m.lock(ctx, a.retry)
	if err != nil {
		return nil, err
	}
	defer unlock()
	socket, err := a.systemd.Some(ctx, a.app.socket(), socketProperties...)
	if err != nil {
		return nil, err
	}
	if old, err := a.superseded(ctx); err != nil || old {
		return nil, errors.Join(err, a.revive(ctx, socket))
	}
	if socket.LoadState != "loaded" {
		a.logf(levelWarning, "%s is %s, nothing to start", socket.Name, socket.LoadState)
		return nil, nil
	}
	before, err := m.read()
	if err != nil {
		return nil, err
	}
	if last == nil {
		a.warnOfForeign(ctx, socket)
	}
	return a.apply(ctx, socket, before, last)
}

// apply does what is to be done with the socket, logs and remembers it.
func (a applier) apply(ctx context.Context, socket manager.Unit, before record, last *failure) (*failure, error) {
	m, wants := mark{a.dir, a.app.name}, a.wanted(ctx, socket)
	what := decide(before, a.app.hash, socket.Up(), wants)
	if last != nil && socket.ActiveState != last.left {
		what = leave // a person has mended it by hand, or has given it up
	}
	if a.deaf(ctx, socket) {
		what = replace
	}
	if what == leave {
		a.forgetLost(ctx)
	}
	again := before.state == failed && before.hash == a.app.hash
	err := a.act(ctx, socket, what, again)
	if err == errSuperseded {
		return nil, nil
	}
	if err != nil {
		if !again || before.reason != err.Error() {
			a.logf(levelErr, "%s does not listen as the file says: %v. %s", socket.Name, err, a.advice(err))
		}
		return a.failure(ctx, err), m.write(record{a.app.hash, failed, err.Error()})
	}
	if again && what != leave {
		a.logf(levelInfo, "%s listens now", socket.Name)
	}
	return nil, m.write(record{hash: a.app.hash, state: wantedWord(wants)})
}

// advice is what to do about a socket that cannot be started.
func (a applier) advice(err error) string {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return "It will, once the address is free. Who has it: ss -ltnp"
	case errors.Is(err, unix.EACCES):
		return "Users may listen on ports from net.ipv4.ip_unprivileged_port_start on, see sysctl(8)"
	}
	return fmt.Sprintf("It is tried again from time to time. See: systemctl %v status %s", a.scope, a.app.socket())
}

func wantedWord(wants bool) string {
	if wants {
		return wanted
	}
	return unwanted
}

func (a applier) failure(ctx context.Context, err error) *failure {
	_, busy := err.(busyError)
	socket, _ := a.state(ctx, a.app.socket())
	return &failure{socket.ActiveState, busy}
}

// superseded says whether nobody upholds this instance any more: the file was changed again while this one waited for the
// lock or an address, and a newer instance has done the work, or will.
func (a applier) superseded(ctx context.Context) (bool, error) {
	self, err := a.systemd.Some(ctx, a.app.instance(), append([]string{"ActiveState"}, manager.PullsIn...)...)
	if err != nil {
		return false, err
	}
	old := !self.Down() && len(self.PulledInBy()) == 0
	if old {
		a.logf(levelInfo, "the file has changed again, leaving it to the newer instance")
	}
	return old, nil
}

// wanted says whether one of the units that pull the socket in is up: then a boot would have started it.
func (a applier) wanted(ctx context.Context, socket manager.Unit) bool {
	names := socket.PulledInBy()
	if len(names) == 0 {
		return false
	}
	units, err := a.systemd.States(ctx, names...)
	return err == nil && slices.ContainsFunc(units, manager.Unit.Up)
}

// state is a unit's state alone.
func (a applier) state(ctx context.Context, name string) (manager.Unit, error) {
	units, err := a.systemd.States(ctx, name)
	if err != nil {
		return manager.Unit{}, err
	}
	return units[0], nil
}

// act carries the action out; again: as before, so that there is no need to say it.
func (a applier) act(ctx context.Context, socket manager.Unit, what action, again bool) error {
	patience := a.patience
	if again {
		patience = 0
	}
	switch {
	case what == begin && !again:
		a.logf(levelInfo, "starting %s", socket.Name)
	case what == replace && !again:
		a.logf(levelInfo, "%s has changed, restarting it", socket.Name)
	}
	switch what {
	case begin:
		return a.relisten(ctx, patience, a.systemd.Start)
	case replace:
		return a.relisten(ctx, patience, a.systemd.Restart)
	}
	return nil
}
