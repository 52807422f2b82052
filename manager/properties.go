package manager

import (
	"context"
	"errors"
	"fmt"
	"strings"

	godbus "github.com/godbus/dbus/v5"
)

const (
	getProperty      = "org.freedesktop.DBus.Properties.Get"
	getAllProperties = "org.freedesktop.DBus.Properties.GetAll"
)

// listenProperties are those that a Listening is made of.
var listenProperties = []string{"Listen", "BindIPv6Only", "FreeBind", "ReusePort"}

// properties asks for some properties of a unit. iface is the last word of the interface that has them: Unit, or the unit's type.
func (c *Conn) properties(ctx context.Context, unit, iface string, names ...string) (map[string]any, error) {
	p, err := c.get(ctx, unitPath(unit), iface, names...)
	if err != nil {
		return p, fmt.Errorf("%s: %w", unit, err)
	}
	return p, nil
}

// get asks for some properties of an object. All questions are sent before the first answer is waited for. One that this systemd does
// not have is left out.
func (c *Conn) get(ctx context.Context, path godbus.ObjectPath, iface string, names ...string) (map[string]any, error) {
	return c.ask(ctx, path, iface, names...).answer()
}

// question is about some properties of an object, and under way.
type question struct {
	names []string
	calls []*godbus.Call
}

func (c *Conn) ask(ctx context.Context, path godbus.ObjectPath, iface string, names ...string) question {
	object, q := c.wire.Object(busName, path), question{names: names}
	for _, name := range names {
		q.calls = append(q.calls, object.GoWithContext(ctx, getProperty, 0, make(chan *godbus.Call, 1), busName+"."+iface, name))
	}
	return q
}

func (q question) answer() (map[string]any, error) {
	p := make(map[string]any, len(q.names))
	for i, name := range q.names {
		var v godbus.Variant
		err := (<-q.calls[i].Done).Store(&v)
		if err != nil && !isUnknown(err) {
			return p, err
		}
		p[name] = v.Value()
	}
	return p, nil
}

func isUnknown(err error) bool {
	var e godbus.Error
	return errors.As(err, &e) && e.Name == "org.freedesktop.DBus.Error.UnknownProperty"
}

// unitPath is the object of a unit; the manager loads one that it does not have in memory. Of the name only letters and digits
// stay as they are, and no digit in front (sd_bus_path_encode(3)).
func unitPath(unit string) godbus.ObjectPath {
	var b strings.Builder
	b.WriteString(objects + "/unit/")
	for i, c := range []byte(unit) {
		letter, digit := 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9'
		if letter || digit && i > 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return godbus.ObjectPath(b.String())
}
