package manager

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// Conn is a connection to a running service manager. It implements Interface.
type Conn struct {
	systemd *dbus.Conn
	object  godbus.BusObject
}

var _ Interface = (*Conn)(nil)

// Connect reaches the manager of that scope; runtimeDir is the user's $XDG_RUNTIME_DIR and not looked at for System. The
// connection ends with ctx.
//
// The manager's private socket comes first, as in systemctl(1): it is there before any bus is, and the apply helper runs
// at boot, when the bus may not be up or may be waiting for the very transaction that started the helper.
func Connect(ctx context.Context, scope Scope, runtimeDir string) (*Conn, error) {
	return reach(ctx, scope, runtimeDir, connect)
}

// reach tries the places where the manager may answer.
func reach[C any](ctx context.Context, scope Scope, runtimeDir string, connect func(ctx context.Context, socket string, hello bool) (C, error)) (C, error) {
	private, bus := "/run/systemd/private", "/run/dbus/system_bus_socket"
	if scope == User {
		private, bus = filepath.Join(runtimeDir, "systemd/private"), filepath.Join(runtimeDir, "bus")
	}
	conn, err := connect(ctx, private, false)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		conn, err = connect(ctx, bus, true)
	}
	if err != nil {
		return conn, fmt.Errorf("no service manager answers at %s or %s: %w", private, bus, err)
	}
	return conn, nil
}

// connect makes the two connections that go-systemd wants, one for calls and one for signals, and keeps hold of the first:
// go-systemd hands out the manager's properties as text only.
func connect(ctx context.Context, socket string, hello bool) (*Conn, error) {
	c := &Conn{}
	systemd, err := dbus.NewConnection(func() (*godbus.Conn, error) {
		wire, err := dial(ctx, socket, hello)
		if err == nil && c.object == nil {
			c.object = wire.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
		}
		return wire, err
	})
	if err != nil {
		return nil, err
	}
	c.systemd = systemd
	return c, nil
}

// dial opens one D-Bus connection. A private socket has no bus behind it that would answer a Hello.
func dial(ctx context.Context, socket string, hello bool) (*godbus.Conn, error) {
	wire, err := godbus.Dial("unix:path="+godbus.EscapeBusAddressValue(socket), godbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	if err = wire.Auth([]godbus.Auth{authExternal()}); err == nil && hello {
		err = wire.Hello()
	}
	if err != nil {
		wire.Close()
		return nil, err
	}
	return wire, nil
}

// Close ends the connection.
func (c *Conn) Close() { c.systemd.Close() }

// Unit tells a unit's state.
func (c *Conn) Unit(ctx context.Context, name string) (Unit, error) {
	p, err := c.systemd.GetUnitPropertiesContext(ctx, name)
	if err != nil {
		return Unit{}, fmt.Errorf("%s: %w", name, err)
	}
	return unitOf(name, p), nil
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

// Details tells a unit's state and what its type adds to that.
func (c *Conn) Details(ctx context.Context, name string) (Details, error) {
	p, err := c.systemd.GetAllPropertiesContext(ctx, name)
	if err != nil {
		return Details{}, fmt.Errorf("%s: %w", name, err)
	}
	d := Details{
		Unit:       unitOf(name, p),
		Listening:  listening(p),
		Result:     text(p["Result"]),
		StatusText: text(p["StatusText"]),
	}
	d.NeedDaemonReload, _ = p["NeedDaemonReload"].(bool)
	status, _ := p["ExecMainStatus"].(int32)
	pid, _ := p["MainPID"].(uint32)
	d.ExitStatus, d.MainPID = int(status), int(pid)
	if memory, _ := p["MemoryCurrent"].(uint64); memory != math.MaxUint64 { // "[not set]" of systemctl(1)
		d.Memory = memory
	}
	return d, nil
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
	p, err := c.systemd.GetUnitTypePropertyContext(ctx, service, "Service", "Result")
	if err != nil {
		return "", fmt.Errorf("%s: %w", service, err)
	}
	return text(p.Value.Value()), nil
}

// Exit tells how the main process of a service ended that has run to its end.
func (c *Conn) Exit(ctx context.Context, service string) (Exit, error) {
	p, err := c.systemd.GetUnitTypePropertiesContext(ctx, service, "Service")
	if err != nil {
		return Exit{}, fmt.Errorf("%s: %w", service, err)
	}
	return exit(text(p["Result"]), p["ExecMainCode"], p["ExecMainStatus"]), nil
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
	name, err := c.systemd.GetUnitNameByPID(ctx, uint32(pid))
	if err != nil {
		return "", fmt.Errorf("the unit of process %d: %w", pid, err)
	}
	return name, nil
}

// Listening tells what a socket unit is to listen on.
func (c *Conn) Listening(ctx context.Context, socket string) (Listening, error) {
	p, err := c.systemd.GetUnitTypePropertiesContext(ctx, socket, "Socket")
	if err != nil {
		return Listening{}, fmt.Errorf("%s: %w", socket, err)
	}
	return listening(p), nil
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
	units, err := c.systemd.ListUnitsByPatternsContext(ctx, nil, patterns)
	names := make([]string, 0, len(units))
	for _, u := range units {
		names = append(names, u.Name)
	}
	return names, err
}

// Start starts a unit and waits until the job has ended.
func (c *Conn) Start(ctx context.Context, unit string) error {
	return job(ctx, "start", unit, replace, c.systemd.StartUnitContext)
}

// Stop stops a unit and waits until the job has ended.
func (c *Conn) Stop(ctx context.Context, unit string) error {
	return job(ctx, "stop", unit, replace, c.systemd.StopUnitContext)
}

// Restart restarts a unit, or starts it, and waits until the job has ended.
func (c *Conn) Restart(ctx context.Context, unit string) error {
	return job(ctx, "restart", unit, replace, c.systemd.RestartUnitContext)
}

// ResetFailed forgets that a unit has failed.
func (c *Conn) ResetFailed(ctx context.Context, unit string) error {
	return c.systemd.ResetFailedUnitContext(ctx, unit)
}

// Job modes (org.freedesktop.systemd1(5)): a new job takes the place of others that contradict it, or is refused.
const (
	replace = "replace"
	fail    = "fail"
)

// StartOrFail is Start that takes no other job's place: it is refused while a unit is being stopped that this one needs.
func (c *Conn) StartOrFail(ctx context.Context, unit string) error {
	return job(ctx, "start", unit, fail, c.systemd.StartUnitContext)
}

// StopOrFail asks for a stop, without waiting for its end, that takes no other job's place: it is refused while a unit is being started that
// would be stopped as well.
func (c *Conn) StopOrFail(ctx context.Context, unit string) error {
	if _, err := c.systemd.StopUnitContext(ctx, unit, fail, nil); err != nil {
		return fmt.Errorf("stop %s: %w", unit, err)
	}
	return nil
}

// Refused tells whether the error is of StartOrFail or StopOrFail, and another job stands against this one.
func Refused(err error) bool {
	var answer godbus.Error
	return errors.As(err, &answer) && answer.Name == "org.freedesktop.systemd1.TransactionIsDestructive"
}

func job(ctx context.Context, verb, unit, mode string, call func(context.Context, string, string, chan<- string) (int, error)) error {
	ctx, cancel := context.WithTimeout(ctx, JobTimeout)
	defer cancel()
	ended := make(chan string, 1)
	if _, err := call(ctx, unit, mode, ended); err != nil {
		return fmt.Errorf("%s %s: %w", verb, unit, err)
	}
	select {
	case result := <-ended:
		if result == "done" {
			return nil
		}
		return &JobError{verb, unit, result}
	case <-ctx.Done():
		return &JobError{verb, unit, ""}
	}
}

// Reload reads all unit files again; it returns when that has been done.
func (c *Conn) Reload(ctx context.Context) error {
	if err := c.systemd.ReloadContext(ctx); err != nil {
		return fmt.Errorf("daemon-reload: %w", err)
	}
	return nil
}

// Environment is the manager's own environment.
func (c *Conn) Environment(context.Context) ([]string, error) {
	v, err := c.property("Environment")
	return list(v), err
}

// Version is systemd's version.
func (c *Conn) Version(context.Context) (string, error) {
	v, err := c.property("Version")
	return text(v), err
}

func (c *Conn) property(name string) (any, error) {
	v, err := c.object.GetProperty("org.freedesktop.systemd1.Manager." + name)
	if err != nil {
		return nil, fmt.Errorf("the manager's %s: %w", name, err)
	}
	return v.Value(), nil
}
