package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"podman-ondemand/manager"
)

// Each verb returns what it did, as a sentence without its end.

// Start opens the port.
func (h Host) Start(ctx context.Context, a App) (string, error) {
	s, err := h.Look(ctx, a)
	switch {
	case err != nil:
		return "", err
	case len(a.Sockets) == 0 || s.State == NotLoaded || a.Template() || s.masked(a.Sockets):
		return "", errors.New(a.Name + " cannot be started: " + s.Note)
	case h.each(ctx, a.Sockets, manager.Unit.Up):
		return fmt.Sprintf("%s listens already, on %s", a.Name, strings.Join(s.Listen, " ")), nil
	}
	for _, unit := range a.Sockets {
		if err := h.Manager.Start(ctx, unit); err != nil {
			return "", fmt.Errorf("%w\nSee podman-ondemand status %s", err, a.Name)
		}
	}
	return fmt.Sprintf("%s listens on %s", a.Name, strings.Join(s.Listen, " ")), nil
}

// masked says whether one of the units is, of which systemd keeps what it was before.
func (s Status) masked(units []string) bool {
	return slices.ContainsFunc(s.Units, func(u UnitState) bool { return u.Load == "masked" && slices.Contains(units, u.Name) })
}

// Stop closes the port, and ends what runs behind it.
func (h Host) Stop(ctx context.Context, a App) (string, error) {
	if err := a.usable(); err != nil {
		return "", err
	}
	for _, unit := range a.Sockets {
		if err := h.stop(ctx, unit); err != nil {
			return "", err
		}
	}
	if err := h.end(ctx, a); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s is stopped: nothing listens until \"podman-ondemand start %s\", or the next login or boot", a.Name, a.Name), nil
}

// usable says why nothing can be done to a template.
func (a *App) usable() error {
	if a.Template() {
		return errors.New(a.Name + " is a template: name one of its instances")
	}
	return nil
}

// closed is what is said of an application where nothing runs and nothing listens either.
func (h Host) closed(ctx context.Context, a App) (string, bool) {
	if len(a.Sockets) == 0 || h.each(ctx, a.Sockets, func(u manager.Unit) bool { return !u.Down() }) {
		return "", false
	}
	return fmt.Sprintf("%s is stopped and stays so: \"podman-ondemand start %s\" opens its port", a.Name, a.Name), true
}

// Sleep ends what runs and leaves the port open.
func (h Host) Sleep(ctx context.Context, a App) (string, error) {
	if said, err := h.endRunning(ctx, a, " sleeps already"); said != "" || err != nil {
		return said, err
	}
	return a.Name + " sleeps; the next connection wakes it", nil
}

// Restart replaces the container that runs. What sleeps goes on doing so: its next start is a new one anyway. A connection
// wakes it again, because a container that is started in another way is never idle.
func (h Host) Restart(ctx context.Context, a App, tell func(string)) (string, error) {
	if said, err := h.endRunning(ctx, a, " sleeps and stays asleep: its next start is a new one"); said != "" || err != nil {
		return said, err
	}
	return h.Wake(ctx, a, tell)
}

// endRunning ends what runs. Where nothing does it says so: that the port is closed, or asleep about the application.
func (h Host) endRunning(ctx context.Context, a App, asleep string) (said string, err error) {
	if err := a.usable(); err != nil {
		return "", err
	}
	if !h.each(ctx, a.Services(), manager.Unit.Down) {
		return "", h.end(ctx, a)
	}
	if said, stopped := h.closed(ctx, a); stopped {
		return said, nil
	}
	return a.Name + asleep, nil
}

// end stops the services: the container first, with which its proxy goes.
func (h Host) end(ctx context.Context, a App) error {
	for _, unit := range a.Services() {
		units, err := h.instances(ctx, a, unit)
		if err != nil {
			return err
		}
		for _, unit := range units {
			if err := h.stop(ctx, unit); err != nil {
				return err
			}
		}
	}
	return nil
}

// stop stops a unit that is not down.
func (h Host) stop(ctx context.Context, unit string) error {
	u, err := h.Manager.Unit(ctx, unit)
	if err != nil || u.Down() {
		return err
	}
	return h.Manager.Stop(ctx, unit)
}

// each says whether something is true of all the units; of one that systemd does not tell about it is not.
func (h Host) each(ctx context.Context, units []string, is func(manager.Unit) bool) bool {
	return !slices.ContainsFunc(units, func(name string) bool {
		u, err := h.Manager.Unit(ctx, name)
		return err != nil || !is(u)
	})
}

// settled is how long units may take to come to rest after a start that failed.
const settled = 10 * time.Second
