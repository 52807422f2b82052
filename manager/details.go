package manager

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
)

// atOnce is of how many units the details are asked for at the same time. The system's bus lets nobody wait for more than 128
// answers (max_replies_per_connection in dbus-daemon(1)).
const atOnce = 10

// Details tells of each unit its state and what its type adds to that.
func (c *Conn) Details(ctx context.Context, names ...string) ([]Details, error) {
	states, err := c.States(ctx, names...)
	if err != nil {
		return nil, err
	}
	all := make([]Details, 0, len(states))
	for some := range slices.Chunk(states, atOnce) {
		details, err := c.details(ctx, some)
		if err != nil {
			return nil, err
		}
		all = append(all, details...)
	}
	return all, c.findChanged(ctx, all)
}

// details asks all its questions before it waits for the first answer.
func (c *Conn) details(ctx context.Context, states []Unit) ([]Details, error) {
	unit, more := make([]question, len(states)), make([]question, len(states))
	for i, u := range states {
		iface, properties := typeProperties(u)
		unit[i] = c.ask(ctx, unitPath(u.Name), "Unit", "FragmentPath", "SourcePath", "DropInPaths", "Triggers", "StateChangeTimestamp", "InactiveExitTimestamp")
		more[i] = c.ask(ctx, unitPath(u.Name), iface, properties...)
	}
	all := make([]Details, len(states))
	for i, u := range states {
		p, err := unit[i].answer()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", u.Name, err)
		}
		t, err := more[i].answer()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", u.Name, err)
		}
		all[i] = detailsOf(u, unitOf(u.Name, p), t)
	}
	return all, nil
}

// typeProperties are those that the unit's type adds, and the last word of the interface that has them.
func typeProperties(u Unit) (iface string, properties []string) {
	switch filepath.Ext(u.Name) {
	case ".socket":
		return "Socket", []string{"Result", "Listen"}
	case ".service":
		properties = []string{"Result", "StatusText", "ExecMainStatus"}
		if !u.Down() { // it is read from the control group
			properties = append(properties, "MemoryCurrent")
		}
		return "Service", properties
	}
	return "", nil
}

func detailsOf(state, u Unit, p map[string]any) Details {
	u.LoadState, u.ActiveState, u.SubState, u.Queued = state.LoadState, state.ActiveState, state.SubState, state.Queued
	d := Details{Unit: u, Listening: listening(p), Result: text(p["Result"]), StatusText: text(p["StatusText"])}
	status, _ := p["ExecMainStatus"].(int32)
	d.ExitStatus = int(status)
	if memory, _ := p["MemoryCurrent"].(uint64); memory != math.MaxUint64 { // "[not set]" of systemctl(1)
		d.Memory = memory
	}
	return d
}
