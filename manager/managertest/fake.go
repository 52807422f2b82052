// Package managertest has a service manager for tests: state in memory, every order written down.
package managertest

import (
	"context"
	"errors"
	"path"
	"sync"

	"podman-ondemand/manager"
)

// Fake implements manager.Interface. Its fields are what it answers; tests change them freely.
type Fake struct {
	Loaded []manager.Unit             // what Unit finds; any other name is not-found and inactive
	More   map[string]manager.Details // what Details adds to Unit, by name
	Listen manager.Listening          // Listening, of any socket
	Env    []string                   // Environment
	Vers   string                     // Version
	Fails  map[string]error           // by order ("start web.socket"): answered with this, and nothing changes
	Orders []string                   // what was asked for: "start X", "stop X", "restart X", "reset-failed X", "reload"

	// On is called after each order has changed the state, so that a test can play the rest of systemd.
	On func(f *Fake, order string)

	one sync.Mutex // like systemd, it answers one call after the other
}

var _ manager.Interface = (*Fake)(nil)

// ErrNoManager is for tests of an unreachable manager.
var ErrNoManager = errors.New("no service manager answers")

// Unit answers from Loaded.
func (f *Fake) Unit(_ context.Context, name string) (manager.Unit, error) {
	f.one.Lock()
	defer f.one.Unlock()
	if err := f.Fails["unit "+name]; err != nil {
		return manager.Unit{}, err
	}
	if u := f.Get(name); u != nil {
		return *u, nil
	}
	return manager.Unit{Name: name, LoadState: "not-found", ActiveState: "inactive"}, nil
}

// Some answers from Loaded, with more than was asked for.
func (f *Fake) Some(ctx context.Context, name string, _ ...string) (manager.Unit, error) {
	return f.Unit(ctx, name)
}

// States answers from Loaded.
func (f *Fake) States(ctx context.Context, names ...string) ([]manager.Unit, error) {
	states := make([]manager.Unit, len(names))
	for i, name := range names {
		u, err := f.Unit(ctx, name)
		if err != nil {
			return nil, err
		}
		states[i] = manager.Unit{Name: name, LoadState: u.LoadState, ActiveState: u.ActiveState, SubState: u.SubState, Queued: u.Queued}
	}
	return states, nil
}

// Details answers from Loaded and More.
func (f *Fake) Details(ctx context.Context, names ...string) ([]manager.Details, error) {
	all := make([]manager.Details, len(names))
	for i, name := range names {
		u, err := f.Unit(ctx, name)
		if err != nil {
			return nil, err
		}
		f.one.Lock()
		all[i] = f.More[name]
		f.one.Unlock()
		all[i].Unit = u
	}
	return all, nil
}

// Do changes it while another goroutine asks.
func (f *Fake) Do(change func()) {
	f.one.Lock()
	defer f.one.Unlock()
	change()
}

// Get gives the unit itself to change, or nil.
func (f *Fake) Get(name string) *manager.Unit {
	for i := range f.Loaded {
		if f.Loaded[i].Name == name {
			return &f.Loaded[i]
		}
	}
	return nil
}

// Units answers from Loaded.
func (f *Fake) Units(_ context.Context, patterns ...string) ([]string, error) {
	f.one.Lock()
	defer f.one.Unlock()
	var names []string
	for _, u := range f.Loaded {
		for _, p := range patterns {
			if ok, _ := path.Match(p, u.Name); ok {
				names = append(names, u.Name)
				break
			}
		}
	}
	return names, f.Fails["units"]
}

// Listening answers Listen.
func (f *Fake) Listening(_ context.Context, socket string) (manager.Listening, error) {
	f.one.Lock()
	defer f.one.Unlock()
	return f.Listen, f.Fails["listening "+socket]
}

// Start makes the unit active.
func (f *Fake) Start(_ context.Context, unit string) error { return f.order("start", unit, "active") }

// Stop makes the unit inactive.
func (f *Fake) Stop(_ context.Context, unit string) error { return f.order("stop", unit, "inactive") }

// Restart makes the unit active.
func (f *Fake) Restart(_ context.Context, unit string) error {
	return f.order("restart", unit, "active")
}

// ResetFailed makes the unit inactive.
func (f *Fake) ResetFailed(_ context.Context, unit string) error {
	return f.order("reset-failed", unit, "inactive")
}

// Reload is written down; On does the rest.
func (f *Fake) Reload(context.Context) error { return f.order("reload", "", "") }

func (f *Fake) order(verb, unit, state string) error {
	order := verb
	if unit != "" {
		order += " " + unit
	}
	f.one.Lock()
	defer f.one.Unlock()
	f.Orders = append(f.Orders, order)
	if err := f.Fails[order]; err != nil {
		return err
	}
	if u := f.Get(unit); u != nil {
		u.ActiveState = state
	}
	if f.On != nil {
		f.On(f, order)
	}
	return nil
}

// Environment answers Env.
func (f *Fake) Environment(context.Context) ([]string, error) { return f.Env, f.Fails["environment"] }

// Version answers Vers.
func (f *Fake) Version(context.Context) (string, error) { return f.Vers, f.Fails["version"] }

// Close does nothing.
func (f *Fake) Close() {}
