package apply

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"podman-ondemand/manager"
)

// orders is how often a socket is told to start before that is a failure. A socket whose service is active refuses to, and
// a client may wake the proxy between its stop and the order.
const orders = 3

// quietTries is how often it is tried before anything is said about it: another application most often gives way at once.
const quietTries = 5

// busyError says that an address of the socket cannot be bound to.
type busyError struct{ error }

func (e busyError) Unwrap() error { return e.error }

// errSuperseded says that a newer instance does the work.
var errSuperseded = errors.New("superseded")

// relisten makes the socket listen anew. Two applications may have changed their addresses with each other, or one its
// name: then the other's proxy holds what this one is to have, until the other's instance has stopped it. Hence the patience, which goes by the clock:
// on a busy machine a try takes longer than the pause between two, and nobody learns what is wrong while it goes on.
func (a applier) relisten(ctx context.Context, patience time.Duration, order func(context.Context, string) error) error {
	began := time.Now()
	for ordered, tries := 0, 1; ; tries++ {
		err := a.listenOnce(ctx, order)
		if _, busy := err.(busyError); !busy {
			ordered++
		}
		over := patience == 0 || tries > quietTries && time.Since(began) >= patience
		if err == nil || ordered == orders || over || errors.Is(err, unix.EACCES) {
			return err // that a port needs privileges will not change by itself
		}
		if tries == quietTries {
			a.logf(levelInfo, "%v, waiting for it", err)
		}
		if sleep(ctx, a.retry) != nil {
			return err
		}
		if old, err := a.superseded(ctx); err != nil {
			return err
		} else if old {
			return errSuperseded
		}
	}
}

func (a applier) listenOnce(ctx context.Context, order func(context.Context, string) error) error {
	socket, err := a.systemd.Some(ctx, a.app.socket(), socketProperties...)
	if err != nil {
		return err
	}
	if err := a.stopHolders(ctx, socket); err != nil {
		return err
	}
	if !socket.Up() { // else it holds its addresses itself
		l, err := a.systemd.Listening(ctx, socket.Name)
		if err != nil {
			return err
		}
		if err := a.bindable(l); err != nil {
			return busyError{err}
		}
	}
	if socket.ActiveState == "failed" { // or it may have reached its start limit
		_ = a.systemd.ResetFailed(ctx, socket.Name)
	}
	return order(ctx, socket.Name)
}

// forgetLost makes systemd forget services that a file before this one had, and that have failed: of a broken one with
// [OnDemand] Unit= the service that said what was wrong.
func (a applier) forgetLost(ctx context.Context) {
	units, err := a.systemd.States(ctx, append(a.members(ctx), a.app.service())...)
	for _, u := range units {
		if u.LoadState == "not-found" && u.ActiveState == "failed" {
			err = errors.Join(err, a.systemd.ResetFailed(ctx, u.Name))
		}
	}
	if err != nil {
		a.logf(levelErr, "%v", err)
	}
}

// deaf says whether the socket is active and listens nowhere: so systemd leaves one whose addresses have changed. Where they
// were changed back before anybody could do anything about it, the mark says that all is well.
func (a applier) deaf(ctx context.Context, socket manager.Unit) bool {
	if !socket.Up() {
		return false
	}
	l, err := a.systemd.Listening(ctx, socket.Name)
	isIP := func(address string) bool { _, err := netip.ParseAddrPort(address); return err == nil }
	return err == nil && !l.ReusePort && slices.ContainsFunc(slices.Concat(l.Streams, l.Datagrams), isIP) && a.bindable(l) == nil
}

// revive is what an instance that nobody upholds any more does for the socket as it is now: the one that is upheld may have
// been active all the time, and does nothing.
func (a applier) revive(ctx context.Context, socket manager.Unit) error {
	if socket.LoadState != "loaded" || !a.deaf(ctx, socket) {
		return nil
	}
	return a.act(ctx, socket, replace, false)
}

// stopHolders stops what may hold the socket's old listeners: the proxy, and what the socket starts if that is another unit
// ([OnDemand] Proxy=none: the container's own service); and a container that another file has started.
func (a applier) stopHolders(ctx context.Context, socket manager.Unit) error {
	woken := a.woken()
	if err := a.stopPredecessor(ctx, socket); err != nil {
		return err
	}
	if err := a.clearLost(ctx); err != nil {
		return err
	}
	// Another Proxy= or Accept= has other units: these may have lost their files.
	for _, name := range []string{a.app.proxies(), a.app.service()} {
		if err := a.clear(ctx, name, false); err != nil {
			return err
		}
	}
	holders := []string{a.app.proxy()}
	for _, name := range socket.Triggers {
		if !slices.Contains(holders, name) {
			holders = append(holders, name)
		}
	}
	for _, name := range holders {
		u, err := a.state(ctx, name)
		if err != nil {
			return err
		}
		if u.Down() {
			continue
		}
		if err := a.systemd.Stop(ctx, name); err != nil {
			return err
		}
	}
	if woken == "" {
		return nil
	}
	return a.putToSleep(ctx, woken)
}

// clearLost ends a pod that the file no longer describes: systemd knows nothing of its containers any more.
func (a applier) clearLost(ctx context.Context) error {
	lost := a.members(ctx)
	if len(lost) == 0 {
		return nil
	}
	var err error
	if _, missing := os.Lstat(filepath.Join(a.runtimeDir(a.app.service()), podID)); missing == nil {
		err = a.removeContainer(ctx, a.app.service())
	}
	for _, name := range lost {
		err = errors.Join(err, a.clear(ctx, name, false))
	}
	return err
}

// stopPredecessor stops a container that the proxy could not enter: that of a Quadlet's NAME.container that has become
// NAME.ondemand runs on under the name that is ours now, and publishes the port itself; one with Proxy=none has the sockets. It
// is known by the missing pid file, which each start for a proxy makes.
func (a applier) stopPredecessor(ctx context.Context, socket manager.Unit) error {
	u, err := a.state(ctx, a.app.service())
	if err != nil || !u.Up() || slices.Contains(socket.Triggers, u.Name) {
		return err
	}
	if u, err = a.systemd.Some(ctx, u.Name, "FragmentPath", "SourcePath"); err != nil || !together(u, socket) {
		return err
	}
	proxy, err := a.state(ctx, a.app.proxy())
	if err != nil || !proxy.Down() {
		return err
	}
	if a.hasOurs() {
		return nil
	}
	a.logf(levelInfo, "%s still runs as it was before it was started on demand, stopping it; the next connection starts it again", u.Name)
	return a.systemd.Stop(ctx, u.Name)
}

// hasOurs says whether podman has written down what the proxy finds a container or a pod of ours by.
func (a applier) hasOurs() bool {
	return slices.ContainsFunc([]string{"container.pid", podID}, func(name string) bool {
		_, err := os.Lstat(filepath.Join(a.runtimeDir(a.app.service()), name))
		return !errors.Is(err, os.ErrNotExist)
	})
}

// together says whether two units were made of the same file.
func together(a, b manager.Unit) bool {
	return filepath.Dir(a.FragmentPath) == filepath.Dir(b.FragmentPath) && a.SourcePath == b.SourcePath
}
