package proxy

import (
	"context"
	"os"
	"time"

	"podman-ondemand/manager"
)

// queryTime bounds one question to systemd.
const queryTime = 5 * time.Second

// unitQuery returns a function that asks the service manager for a unit's state, over one connection that it opens at the
// first question.
func unitQuery(userManager bool) func(string) (unitState, error) {
	var conn *manager.Conn
	return func(unit string) (state unitState, err error) {
		ctx, cancel := context.WithTimeout(context.Background(), queryTime)
		defer cancel()
		if conn == nil {
			// Not bound to ctx: it would be closed with it.
			if conn, err = manager.Connect(context.Background(), scope(userManager), os.Getenv("XDG_RUNTIME_DIR")); err != nil {
				return state, err
			}
		}
		u, err := conn.Unit(ctx, unit)
		if err != nil {
			return state, err
		}
		result, err := conn.Result(ctx, unit)
		return unitState{u, result}, err
	}
}

func scope(userManager bool) manager.Scope {
	if userManager {
		return manager.User
	}
	return manager.System
}
