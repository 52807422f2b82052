package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// Times tells when the last start of a unit began, and when it was active. It costs half of what a Conn and all of a unit's
// properties do, and each start of an application asks.
func Times(ctx context.Context, scope Scope, runtimeDir, unit string) (starting, active time.Time, err error) {
	wire, err := reach(ctx, scope, runtimeDir, dial)
	if err != nil {
		return starting, active, err
	}
	defer wire.Close()
	object := wire.Object("org.freedesktop.systemd1", godbus.ObjectPath("/org/freedesktop/systemd1/unit/"+dbus.PathBusEscape(unit)))
	for _, p := range []struct {
		name string
		into *time.Time
	}{{"InactiveExitTimestamp", &starting}, {"ActiveEnterTimestamp", &active}} {
		v, err := object.GetProperty("org.freedesktop.systemd1.Unit." + p.name)
		if err != nil {
			return starting, active, fmt.Errorf("%s of %s: %w", p.name, unit, err)
		}
		*p.into = moment(v.Value())
	}
	return starting, active, nil
}
