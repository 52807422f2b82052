package proxy

import (
	"context"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
)

// queryTime bounds one question to systemd.
const queryTime = 5 * time.Second

// unitQuery returns a function that asks the service manager for a unit's state, over one connection that it opens at the
// first question.
func unitQuery(userManager bool) func(string) (unitState, error) {
	var conn *dbus.Conn
	return func(unit string) (state unitState, err error) {
		ctx, cancel := context.WithTimeout(context.Background(), queryTime)
		defer cancel()
		if conn == nil {
			// Not bound to ctx: it would be closed with it.
			if conn, err = dialManager(userManager); err != nil {
				return state, err
			}
		}
		return askState(ctx, conn, unit)
	}
}

// dialManager connects to the user's or the system's service manager.
func dialManager(userManager bool) (*dbus.Conn, error) {
	if !userManager {
		return dbus.NewWithContext(context.Background())
	}
	// Without the address the D-Bus library would run dbus-launch.
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" {
		os.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+os.Getenv("XDG_RUNTIME_DIR")+"/bus")
	}
	return dbus.NewUserConnectionContext(context.Background())
}

func askState(ctx context.Context, conn *dbus.Conn, unit string) (state unitState, err error) {
	for _, q := range [...]struct {
		property string
		value    *string
	}{{"ActiveState", &state.active}, {"SubState", &state.sub}} {
		p, err := conn.GetUnitPropertyContext(ctx, unit, q.property)
		if err != nil {
			return state, err
		}
		*q.value, _ = p.Value.Value().(string)
	}
	p, err := conn.GetUnitTypePropertyContext(ctx, unit, "Service", "Result")
	if err != nil {
		return state, err
	}
	state.result, _ = p.Value.Value().(string)
	return state, nil
}
