package apply

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

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
	systemd manager.Interface
	scope   manager.Scope
	app     application
	dir     string // where the marks are
	log     io.Writer
	retry   time.Duration // between two tries for the lock
}

func (a applier) logf(level, format string, args ...any) {
	fmt.Fprintf(a.log, level+a.app.name+": "+format+"\n", args...)
}

// action is what a start has to do with the socket.
type action int

const (
	leave   action = iota // it is as it should be, or as a person wants it
	begin                 // it does not listen and should
	replace               // it listens where the old text said
)

// decide is the whole rule of a start. applied is the mark, wanted whether a unit that runs pulls the socket in.
func decide(applied, hash string, listening, wanted bool) action {
	switch {
	case applied == hash:
		return leave // a reload that changed nothing; where it does not listen, a person has stopped it
	case listening && applied == "":
		return leave // boot: sockets.target has just started it
	case listening:
		return replace
	case wanted:
		return begin
	}
	return leave // nothing would have started it at boot either
}

// start applies the socket's text as it is now.
func (a applier) start(ctx context.Context) error {
	m := mark{a.dir, a.app.name}
	unlock, err := m.lock(ctx, a.retry)
	if err != nil {
		return err
	}
	defer unlock()
	if old, err := a.superseded(ctx); err != nil || old {
		return err
	}
	socket, err := a.systemd.Unit(ctx, a.app.socket())
	if err != nil {
		return err
	}
	if socket.LoadState != "loaded" {
		a.logf(levelWarning, "%s is %s, nothing to start", socket.Name, socket.LoadState)
		return nil
	}
	applied, err := m.read()
	if err != nil {
		return err
	}
	if err := a.act(ctx, socket, decide(applied, a.app.hash, socket.Up(), a.wanted(ctx, socket))); err != nil {
		a.logf(levelErr, "%s does not listen as the file says: %v. See: systemctl %v status %s; once that is mended: systemctl %v start %s",
			socket.Name, err, a.scope, socket.Name, a.scope, socket.Name)
		return m.write(markFailed)
	}
	return m.write(a.app.hash)
}

// superseded says whether nobody upholds this instance any more: the file was changed again while this one waited for the
// lock, and a newer instance has done the work, or will. Systemd before 249 does not tell; then nobody has.
func (a applier) superseded(ctx context.Context) (bool, error) {
	self, err := a.systemd.Unit(ctx, a.app.instance())
	if err != nil {
		return false, err
	}
	old := self.UpheldBy != nil && len(self.PulledInBy()) == 0 && self.Up()
	if old {
		a.logf(levelInfo, "the file has changed again, leaving it to the newer instance")
	}
	return old, nil
}

// wanted says whether one of the units that pull the socket in is up: then a boot would have started it.
func (a applier) wanted(ctx context.Context, socket manager.Unit) bool {
	for _, name := range socket.PulledInBy() {
		if u, err := a.systemd.Unit(ctx, name); err == nil && u.Up() {
			return true
		}
	}
	return false
}

func (a applier) act(ctx context.Context, socket manager.Unit, what action) error {
	switch what {
	case begin:
		a.logf(levelInfo, "starting %s", socket.Name)
		return a.relisten(ctx, socket, a.systemd.Start)
	case replace:
		a.logf(levelInfo, "%s has changed, restarting it", socket.Name)
		return a.relisten(ctx, socket, a.systemd.Restart)
	}
	return nil
}

// relisten makes the socket listen anew. A socket whose service is active refuses to start, and a client may wake the proxy
// between its stop and the order to the socket: hence the tries.
func (a applier) relisten(ctx context.Context, socket manager.Unit, order func(context.Context, string) error) error {
	_, err := a.stopHolders(ctx, socket)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		if err = order(ctx, socket.Name); err == nil || try == 3 {
			return err
		}
		if woken, stopErr := a.stopHolders(ctx, socket); stopErr != nil || !woken {
			return err
		}
	}
}

// stopHolders stops what may hold the socket's old listeners: the proxy, and what the socket starts if that is another unit
// ([OnDemand] Proxy=none: the container's own service). It says whether there was anything to stop.
func (a applier) stopHolders(ctx context.Context, socket manager.Unit) (stopped bool, err error) {
	holders := []string{a.app.proxy()}
	for _, name := range socket.Triggers {
		if !slices.Contains(holders, name) {
			holders = append(holders, name)
		}
	}
	for _, name := range holders {
		u, err := a.systemd.Unit(ctx, name)
		if err != nil {
			return stopped, err
		}
		if u.Down() {
			continue
		}
		stopped = true
		if err := a.systemd.Stop(ctx, name); err != nil {
			return stopped, err
		}
	}
	return stopped, nil
}

// stop cleans up after an application whose file was removed. Where the socket's unit is still there, or something pulls it
// in, only its text has changed, or the system goes down: nothing to do.
func (a applier) stop(ctx context.Context) error {
	m := mark{a.dir, a.app.name}
	unlock, err := m.lock(ctx, a.retry)
	if err != nil {
		return err
	}
	defer unlock()
	socket, err := a.systemd.Unit(ctx, a.app.socket())
	template := fromTemplate(socket) && !asked(socket)
	if err != nil || socket.LoadState == "loaded" && !template {
		return err
	}
	// The socket first, or the next client would wake the others again. Once their files are gone systemd no longer knows
	// of any order between them.
	for _, name := range []string{a.app.socket(), a.app.proxy(), a.app.service()} {
		if err := a.clear(ctx, name, template); err != nil {
			a.logf(levelErr, "%v", err)
		}
	}
	return m.remove(a.app.hash)
}

// fromTemplate says whether u is an instance without a file of its own.
func fromTemplate(u manager.Unit) bool {
	prefix, _, instance := strings.Cut(u.Name, "@")
	return instance && path.Base(u.FragmentPath) == prefix+"@"+path.Ext(u.Name)
}

// asked says whether anything wants the socket but the proxy, which wants the sockets that it gets.
func asked(socket manager.Unit) bool {
	return slices.ContainsFunc(socket.PulledInBy(), func(name string) bool { return !slices.Contains(socket.Triggers, name) })
}

// clear stops a unit whose file has gone and leaves no failed one behind: with its file went its SuccessExitStatus=, and a
// container that ends by SIGTERM now counts as failed. A unit with a file is somebody else's who took over the name: a
// Quadlet's web.container after web.ondemand. An instance may have lost its own file and still be made by its template.
func (a applier) clear(ctx context.Context, name string, template bool) error {
	u, err := a.systemd.Unit(ctx, name)
	if err != nil || u.LoadState != "not-found" && name != a.app.socket() && !(template && fromTemplate(u)) {
		return err
	}
	if !u.Down() {
		a.logf(levelInfo, "the file has gone, stopping %s", name)
		if err := a.systemd.Stop(ctx, name); err != nil {
			return err
		}
	}
	if u, err = a.systemd.Unit(ctx, name); err == nil && u.ActiveState == "failed" {
		err = a.systemd.ResetFailed(ctx, name)
	}
	return err
}
