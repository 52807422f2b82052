package control

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"podman-ondemand/figures"
	"podman-ondemand/manager"
)

// State is how an application is, in one word.
type State string

// The states. Every application has exactly one, the first of these that is true.
const (
	Broken    State = "broken"     // its file has errors
	NotLoaded State = "not-loaded" // systemd has not read the file yet
	Stopped   State = "stopped"    // nothing listens, by hand or because the socket failed
	Starting  State = "starting"
	Stopping  State = "stopping" // on its way to sleep
	Awake     State = "awake"
	Failed    State = "failed" // the last start did; the socket still listens
	Asleep    State = "asleep"
)

// Status is one application as it is now. The names are those of "list --format json" and of its templates.
type Status struct {
	Name   string
	State  State
	Note   string   `json:",omitempty"` // what to know or do about it, in a line
	Listen []string // as systemd writes addresses
	Image  string   `json:",omitempty"`
	Unit   string   `json:",omitempty"` // what is woken in the place of a container
	File   string

	// What the proxies say while they run; nobody says it with Proxy=none or systemd-socket-proxyd.
	Connections *int       `json:",omitempty"` // open now
	Total       *int64     `json:",omitempty"` // since the start
	BytesIn     *int64     `json:",omitempty"` // rounded, as BytesOut
	BytesOut    *int64     `json:",omitempty"`
	IdleSince   *time.Time `json:",omitempty"`
	StopsAt     *time.Time `json:",omitempty"`
	KeptBy      string     `json:",omitempty"` // what keeps it awake though it is idle

	Memory    *uint64     `json:",omitempty"` // bytes, while awake and where systemd counts them
	LastStart *ColdStart  `json:",omitempty"`
	Units     []UnitState // all of its units
	Newer     bool        // the file has changed since the container started
	Reload    bool        // systemd has not read the files as they are now
}

// UnitState is one of the units.
type UnitState struct {
	Name   string
	Load   string
	Active string
	Sub    string
	Since  time.Time
	Result string `json:",omitempty"`
	Text   string `json:",omitempty"` // what it says of itself
}

// ColdStart is how long a start took, in milliseconds.
type ColdStart struct {
	At          time.Time
	Total       int64 // until the application answered
	Podman      int64
	Application int64
	Client      int64 // how long the first client waited; 0: nobody did
}

func coldStart(s figures.Start) ColdStart {
	return ColdStart{s.At, s.Took().Milliseconds(), s.Podman.Milliseconds(), s.Application.Milliseconds(), s.Client.Milliseconds()}
}

// Look asks systemd about one application.
func (h Host) Look(ctx context.Context, a App) (Status, error) {
	all, err := h.look(ctx, []App{a})
	if err != nil {
		return Status{}, err
	}
	return all[0], nil
}

// look asks systemd about the units of all these applications with one question.
func (h Host) look(ctx context.Context, apps []App) ([]Status, error) {
	views, names := make([]view, len(apps)), []string(nil)
	for i := range apps {
		v := &views[i]
		*v = view{app: &apps[i], reload: h.command("systemctl", "daemon-reload"), units: map[string]manager.Details{}}
		if apps[i].Template() { // which is no unit
			continue
		}
		for _, unit := range apps[i].all() {
			instances, err := h.instances(ctx, apps[i], unit)
			if err != nil {
				return nil, err
			}
			v.names = append(v.names, instances...)
		}
		names = append(names, v.names...)
	}
	details, err := h.Manager.Details(ctx, names...)
	if err != nil {
		return nil, err
	}
	all := make([]Status, len(views))
	for i := range views {
		v := &views[i]
		for _, name := range v.names {
			v.units[name], details = details[0], details[1:]
		}
		all[i] = v.status()
	}
	return all, nil
}

// eachConnection ends the name of a service of which each connection has an instance (Accept=yes).
const eachConnection = "@.service"

// instances are the units in memory that a unit of the application stands for: itself, or one for each connection.
func (h Host) instances(ctx context.Context, a App, unit string) ([]string, error) {
	if !strings.HasSuffix(unit, eachConnection) {
		return []string{unit}, nil
	}
	names, err := h.Manager.Units(ctx, strings.Replace(unit, "@.", "@*.", 1))
	slices.Sort(names)
	return names, err
}

// view is an application with its units as they are.
type view struct {
	app   *App
	units map[string]manager.Details
	names []string // of units, in order
	// reload is the command that has systemd read the files.
	reload string
}

func (v *view) status() Status {
	a := v.app
	s := Status{Name: a.Name, Listen: v.listen(), Image: a.Image, Unit: a.Existing, File: a.Source, Units: v.unitStates()}
	s.State, s.Note = v.state()
	s.Reload = s.State != NotLoaded && slices.ContainsFunc(v.names, func(n string) bool {
		u := v.units[n]
		return u.NeedDaemonReload || !a.reloaded(u.Unit)
	})
	s.Newer = v.newer()
	switch {
	case a.Gone:
		s.Reload, s.Note = true, "its file is gone: run "+v.reload
	case s.Note != "":
	case v.masked(v.services()) != "":
		s.Note = v.unmask(v.masked(v.services()))
	case s.Reload:
		s.Note = "the file has changed: run " + v.reload
	case s.Newer:
		s.Note = "a newer file waits for the next start"
	}
	if v.is(v.services(), "active", "reloading") {
		v.figures(&s)
	}
	return s
}

func (v *view) services() []string {
	return slices.DeleteFunc(slices.Clone(v.names), func(n string) bool {
		return slices.Contains(v.app.Sockets, n) || slices.Contains(v.app.Others, n)
	})
}

func (v *view) proxies() []string {
	return slices.DeleteFunc(v.services(), func(n string) bool { return !slices.Contains(v.app.Proxies, n) })
}

func (v *view) containers() []string {
	return slices.DeleteFunc(v.services(), func(n string) bool { return slices.Contains(v.app.Proxies, n) })
}

// is says whether one of the units is in one of the states.
func (v *view) is(names []string, states ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(states, v.units[n].ActiveState) })
}

// state finds the state, and what to say of it.
func (v *view) state() (State, string) {
	services, containers, proxies := v.services(), v.containers(), v.proxies()
	switch {
	case v.app.Broken:
		return Broken, v.firstError()
	case v.app.Template():
		return Stopped, "a template: only its instances listen"
	case v.masked(v.app.Sockets) != "":
		return Stopped, v.unmask(v.masked(v.app.Sockets))
	case v.is(v.app.Sockets, "failed"):
		return Stopped, "the socket failed: " + v.socketFailure()
	case !slices.ContainsFunc(v.app.Sockets, func(n string) bool { return v.units[n].LoadState != "not-found" }):
		return NotLoaded, "systemd has not read the file: run " + v.reload
	case !v.is(v.app.Sockets, "active", "activating"):
		return Stopped, "nothing listens until podman-ondemand start " + v.app.Name
	case v.is(containers, "activating"), v.is(proxies, "activating") && !v.failed() && !v.atGate():
		return Starting, v.waitsFor()
	case v.is(services, "deactivating"):
		return Stopping, ""
	case v.is(containers, "active", "reloading"):
		return Awake, ""
	case v.failed():
		return Failed, v.failure(services)
	}
	return Asleep, ""
}

// failed says whether the last start did. A proxy that turns everybody away is about to end.
func (v *view) failed() bool {
	return v.is(v.services(), "failed") || slices.ContainsFunc(v.proxies(), func(n string) bool {
		_, refuses := figures.WhyRefused(v.units[n].StatusText)
		return refuses && v.units[n].ActiveState == "activating"
	})
}

// atGate says whether a proxy runs only to turn those away who may not wake the application.
func (v *view) atGate() bool {
	return slices.ContainsFunc(v.proxies(), func(n string) bool {
		u := v.units[n]
		return u.ActiveState == "activating" && figures.IsAtGate(u.StatusText)
	})
}

// failure says what the first failed unit ended with, or why a proxy turns everybody away.
func (v *view) failure(names []string) string {
	for _, n := range names {
		u := v.units[n]
		if why, refuses := figures.WhyRefused(u.StatusText); refuses && (u.ActiveState == "activating" || u.ActiveState == "failed") {
			return why
		}
	}
	for _, n := range names {
		switch u := v.units[n]; {
		case u.ActiveState != "failed":
		case u.Result == "exit-code":
			return fmt.Sprintf("%s ended with exit status %d", n, u.ExitStatus)
		default:
			return fmt.Sprintf("%s ended with result %q", n, u.Result)
		}
	}
	return ""
}

// socketFailure is failure; systemd says "resources" of a socket that could not be bound.
func (v *view) socketFailure() string {
	for _, n := range v.app.Sockets {
		if u := v.units[n]; u.ActiveState == "failed" && u.Result == "resources" {
			return n + " could not listen: is the port taken, or does it need root?"
		}
	}
	return v.failure(v.app.Sockets)
}

// masked is the first of the units that is, or "".
func (v *view) masked(names []string) string {
	for _, n := range names {
		if v.units[n].LoadState == "masked" {
			return n
		}
	}
	return ""
}

// unmask says that a unit is masked, and what mends it. Without the reload systemd would not see the unit below the mask.
func (v *view) unmask(unit string) string {
	command := strings.TrimSuffix(v.reload, "daemon-reload")
	return fmt.Sprintf("%s is masked: %sunmask %s, then %s", unit, command, unit, v.reload)
}

const podmanStarts = "podman starts the container"

// waitsFor is what a proxy says that waits.
func (v *view) waitsFor() string {
	for _, n := range v.proxies() {
		if u := v.units[n]; u.ActiveState == "activating" && u.StatusText != "" {
			return u.StatusText
		}
	}
	return podmanStarts
}

// firstError is in one line with other applications, and below the path in a report: without the directory.
func (v *view) firstError() string {
	if len(v.app.Diags) == 0 {
		return ""
	}
	d := v.app.Diags[0]
	d.Pos.File = strings.TrimPrefix(d.Pos.File, filepath.Dir(v.app.Source)+"/")
	return d.String()
}

// newer says whether what runs began before the files were changed.
func (v *view) newer() bool {
	began := time.Time{}
	for _, n := range v.services() {
		if u := v.units[n]; u.Up() && (began.IsZero() || u.Starting.Before(began)) {
			began = u.Starting
		}
	}
	return !began.IsZero() && changed(v.app.Files).After(began)
}

// datagramAddress says of an IP address and port that it is of UDP, as podman does.
func datagramAddress(address string) string {
	if strings.ContainsAny(address, "/@") {
		return address
	}
	return address + "/udp"
}

// listen is what systemd listens on, or what the file asks for while it does not.
func (v *view) listen() []string {
	var all []string
	for _, n := range v.app.Sockets {
		l := v.units[n].Listening
		all = append(all, l.Streams...)
		for _, address := range l.Datagrams {
			all = append(all, datagramAddress(address))
		}
	}
	if len(all) == 0 {
		return v.app.Listen
	}
	return all
}

func (v *view) unitStates() []UnitState {
	all := make([]UnitState, len(v.names))
	for i, n := range v.names {
		u := v.units[n]
		all[i] = UnitState{n, u.LoadState, u.ActiveState, u.SubState, u.Since, u.Result, ""}
		if !u.Down() {
			all[i].Text = u.StatusText
		}
	}
	return all
}

// figures adds up what the proxies say, and the memory of all.
func (v *view) figures(s *Status) {
	var sum figures.Status
	known, idle := false, true
	for _, n := range v.proxies() {
		u := v.units[n]
		f, ok := figures.ParseStatus(u.StatusText)
		if !ok || u.ActiveState != "active" {
			continue
		}
		known = true
		sum.Connections += f.Connections
		sum.Total += f.Total
		sum.In += f.In
		sum.Out += f.Out
		idle = idle && !f.IdleSince.IsZero()
		if f.IdleSince.After(sum.IdleSince) {
			sum.IdleSince, sum.StopsAt, sum.KeptBy = f.IdleSince, f.StopsAt, f.KeptBy
		}
	}
	if known {
		s.Connections, s.Total, s.BytesIn, s.BytesOut = &sum.Connections, &sum.Total, &sum.In, &sum.Out
	}
	if known && idle {
		s.IdleSince = &sum.IdleSince
		if !sum.StopsAt.IsZero() {
			s.StopsAt = &sum.StopsAt
		}
		if s.KeptBy = sum.KeptBy; s.KeptBy != "" && s.Note == "" {
			s.Note = "kept awake by " + s.KeptBy
		}
	}
	var memory uint64
	for _, n := range v.services() {
		memory += v.units[n].Memory
	}
	if memory > 0 {
		s.Memory = &memory
	}
}
