package manager

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	godbus "github.com/godbus/dbus/v5"
)

// What the manager is called on D-Bus (org.freedesktop.systemd1(5)).
const (
	busName = "org.freedesktop.systemd1"
	objects = "/org/freedesktop/systemd1"
)

// busPatience is how long the bus may take to let us in. It answers at once, or waits for its own start.
const busPatience = 10 * time.Second

// Conn is a connection to a running service manager. It implements Interface.
type Conn struct {
	wire    *godbus.Conn
	systemd godbus.BusObject
	bus     bool // there is a bus between the manager and us
}

var _ Interface = (*Conn)(nil)

// Connect reaches the manager of that scope; runtimeDir is the user's $XDG_RUNTIME_DIR and not looked at for System. The
// connection ends with ctx.
//
// It goes through the bus, unlike systemctl(1): the manager tells each connection to its private socket of every change of
// every unit, wanted or not, so that hundreds of them at the same time keep it busy for minutes. On the bus one hears what
// one has asked for. The private socket is for where no bus answers: early at boot, late at shutdown, or because there is none.
func Connect(ctx context.Context, scope Scope, runtimeDir string) (*Conn, error) {
	private, bus := "/run/systemd/private", "/run/dbus/system_bus_socket"
	if scope == User {
		private, bus = filepath.Join(runtimeDir, "systemd/private"), filepath.Join(runtimeDir, "bus")
	}
	conn, busErr := connect(ctx, bus, true)
	if busErr == nil {
		return conn, nil
	}
	conn, err := connect(ctx, private, false)
	if err != nil {
		return nil, fmt.Errorf("no service manager answers at %s or %s: %w", bus, private, errors.Join(busErr, err))
	}
	return conn, nil
}

// connect opens a connection to a socket. On a bus the manager has to be there as well.
func connect(ctx context.Context, socket string, bus bool) (*Conn, error) {
	wire, err := godbus.Dial("unix:path="+godbus.EscapeBusAddressValue(socket), godbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	late := time.AfterFunc(busPatience, func() { wire.Close() })
	err = wire.Auth([]godbus.Auth{authExternal()})
	if err == nil && bus {
		err = enter(ctx, wire)
	}
	if !late.Stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		wire.Close()
		return nil, err
	}
	return &Conn{wire, wire.Object(busName, objects), bus}, nil
}

// enter makes us known to the bus. The manager comes to it some time after its start, and a call before would be an error.
func enter(ctx context.Context, wire *godbus.Conn) error {
	if err := wire.Hello(); err != nil {
		return err
	}
	var owner string
	return wire.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, busName).Store(&owner)
}

// Close ends the connection.
func (c *Conn) Close() { c.wire.Close() }

// call calls a method of the manager and puts what it answers into results.
func (c *Conn) call(ctx context.Context, method string, args []any, results ...any) error {
	return c.systemd.CallWithContext(ctx, busName+".Manager."+method, 0, args...).Store(results...)
}

// Unit tells a unit's state.
func (c *Conn) Unit(ctx context.Context, name string) (Unit, error) {
	var p map[string]any
	if err := c.wire.Object(busName, unitPath(name)).CallWithContext(ctx, getAllProperties, 0, busName+".Unit").Store(&p); err != nil {
		return Unit{}, fmt.Errorf("%s: %w", name, err)
	}
	return unitOf(name, p), nil
}

// Some tells no more than these properties of a unit.
func (c *Conn) Some(ctx context.Context, name string, properties ...string) (Unit, error) {
	p, err := c.properties(ctx, name, "Unit", properties...)
	return unitOf(name, p), err
}

// States tells the states of some units with one question.
func (c *Conn) States(ctx context.Context, names ...string) ([]Unit, error) {
	var rows []struct {
		Name, Description, Load, Active, Sub, Following string
		Path                                            godbus.ObjectPath
		Job                                             uint32
		JobType                                         string
		JobPath                                         godbus.ObjectPath
	}
	if err := c.call(ctx, "ListUnitsByNames", []any{names}, &rows); err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(names, ", "), err)
	}
	if len(rows) != len(names) { // it leaves out what cannot be a unit's name
		return nil, fmt.Errorf("systemd knows %d of the units %s", len(rows), strings.Join(names, ", "))
	}
	units := make([]Unit, len(rows))
	for i, r := range rows {
		units[i] = Unit{Name: names[i], LoadState: r.Load, ActiveState: r.Active, SubState: r.Sub, Queued: r.Job != 0}
	}
	return units, nil
}

func unitOf(name string, p map[string]any) Unit {
	return Unit{
		Name:         name,
		Names:        list(p["Names"]),
		LoadState:    text(p["LoadState"]),
		ActiveState:  text(p["ActiveState"]),
		SubState:     text(p["SubState"]),
		FragmentPath: text(p["FragmentPath"]),
		SourcePath:   text(p["SourcePath"]),
		DropInPaths:  list(p["DropInPaths"]),
		Unmet:        unmet(p, "Condition") || unmet(p, "Assert"),
		Triggers:     list(p["Triggers"]),
		Queued:       queued(p["Job"]),
		Requires:     list(p["Requires"]),
		Wants:        list(p["Wants"]),
		BindsTo:      list(p["BindsTo"]),
		RequiredBy:   list(p["RequiredBy"]),
		WantedBy:     list(p["WantedBy"]),
		BoundBy:      list(p["BoundBy"]),
		UpheldBy:     list(p["UpheldBy"]),
		Since:        moment(p["StateChangeTimestamp"]),
		Starting:     moment(p["InactiveExitTimestamp"]),
		Active:       moment(p["ActiveEnterTimestamp"]),
	}
}

// moment reads a time as systemd gives it, in microseconds since 1970; 0, for never, is the zero time.
func moment(v any) time.Time {
	usec, _ := v.(uint64)
	if usec == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(usec))
}

// unmet tells whether the Condition…= (or Assert…=) lines of a unit were looked at and not all of them held. Before the first
// look the result is false as well, and the time is 0.
func unmet(p map[string]any, kind string) bool {
	result, _ := p[kind+"Result"].(bool)
	looked, _ := p[kind+"Timestamp"].(uint64)
	return looked != 0 && !result
}

// queued reads the property Job: the number of a unit's job and its path, 0 where there is none.
func queued(job any) bool {
	pair, _ := job.([]any)
	if len(pair) == 0 {
		return false
	}
	id, _ := pair[0].(uint32)
	return id != 0
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func list(v any) []string {
	l, _ := v.([]string)
	return l
}

// Result tells how the last run of a service ended: success, exit-code, start-limit-hit, …
func (c *Conn) Result(ctx context.Context, service string) (string, error) {
	p, err := c.properties(ctx, service, "Service", "Result")
	return text(p["Result"]), err
}

// Exit tells how the main process of a service ended that has run to its end.
func (c *Conn) Exit(ctx context.Context, service string) (Exit, error) {
	p, err := c.properties(ctx, service, "Service", "Result", "ExecMainCode", "ExecMainStatus")
	return exit(text(p["Result"]), p["ExecMainCode"], p["ExecMainStatus"]), err
}

// Times tells when the last start of a unit began, and when it was active.
func (c *Conn) Times(ctx context.Context, unit string) (starting, active time.Time, err error) {
	p, err := c.properties(ctx, unit, "Unit", "InactiveExitTimestamp", "ActiveEnterTimestamp")
	return moment(p["InactiveExitTimestamp"]), moment(p["ActiveEnterTimestamp"]), err
}

// exit reads ExecMainCode and ExecMainStatus, which are si_code and si_status of waitid(2).
func exit(result string, code, status any) Exit {
	const exited = 1 // CLD_EXITED
	how, _ := code.(int32)
	number, _ := status.(int32)
	if how == exited {
		return Exit{Result: result, Status: int(number)}
	}
	return Exit{Result: result, Signal: int(number)}
}

// UnitOf names the unit that a process belongs to.
func (c *Conn) UnitOf(ctx context.Context, pid int) (string, error) {
	var path godbus.ObjectPath
	err := c.call(ctx, "GetUnitByPID", []any{uint32(pid)}, &path)
	var id godbus.Variant
	if err == nil {
		err = c.wire.Object(busName, path).CallWithContext(ctx, getProperty, 0, busName+".Unit", "Id").Store(&id)
	}
	if err != nil {
		return "", fmt.Errorf("the unit of process %d: %w", pid, err)
	}
	return text(id.Value()), nil
}

// Listening tells what a socket unit is to listen on.
func (c *Conn) Listening(ctx context.Context, socket string) (Listening, error) {
	p, err := c.properties(ctx, socket, "Socket", listenProperties...)
	return listening(p), err
}

func listening(p map[string]any) Listening {
	l := Listening{IPv6Only: text(p["BindIPv6Only"])}
	l.FreeBind, _ = p["FreeBind"].(bool)
	l.ReusePort, _ = p["ReusePort"].(bool)
	pairs, _ := p["Listen"].([][]any) // a(ss): the kind, the address
	for _, pair := range pairs {
		if len(pair) != 2 {
			continue
		}
		switch address := text(pair[1]); text(pair[0]) {
		case "Stream":
			l.Streams = append(l.Streams, address)
		case "Datagram":
			l.Datagrams = append(l.Datagrams, address)
		}
	}
	return l
}

// Units lists the names of the units in memory that match.
func (c *Conn) Units(ctx context.Context, patterns ...string) ([]string, error) {
	var rows [][]any
	err := c.call(ctx, "ListUnitsByPatterns", []any{[]string{}, patterns}, &rows)
	names := make([]string, 0, len(rows))
	for _, r := range rows {
		names = append(names, text(r[0]))
	}
	return names, err
}

// ResetFailed forgets that a unit has failed.
func (c *Conn) ResetFailed(ctx context.Context, unit string) error {
	return c.call(ctx, "ResetFailedUnit", []any{unit})
}

// Reload reads all unit files again; it returns when that has been done.
func (c *Conn) Reload(ctx context.Context) error {
	if err := c.call(ctx, "Reload", nil); err != nil {
		return fmt.Errorf("daemon-reload: %w", err)
	}
	return nil
}

// Environment is the manager's own environment.
func (c *Conn) Environment(ctx context.Context) ([]string, error) {
	p, err := c.get(ctx, objects, "Manager", "Environment")
	return list(p["Environment"]), err
}

// Version is systemd's version.
func (c *Conn) Version(ctx context.Context) (string, error) {
	p, err := c.get(ctx, objects, "Manager", "Version")
	return text(p["Version"]), err
}
