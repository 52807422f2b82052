package proxy

import (
	"context"
	"os"
	"time"

	"podman-ondemand/manager"
)

// queryTime bounds one question to systemd.
const queryTime = 5 * time.Second

// systemd is the service manager that we belong to, asked over one connection that the first question opens.
type systemd struct {
	userManager bool
	conn        *manager.Conn
}

// outside is the world as it is, with a connection to systemd of its own.
func (c *config) outside() outside {
	s := systemd{userManager: c.userManager}
	return outside{query: s.unit, start: c.startAgain, unitOf: s.unitOf, now: time.Now, sleep: time.Sleep}
}

// unit asks for a service's state.
func (s *systemd) unit(name string) (state unitState, err error) {
	err = s.ask(func(ctx context.Context) error {
		if state.Unit, err = s.conn.Unit(ctx, name); err == nil {
			state.result, err = s.conn.Result(ctx, name)
		}
		return err
	})
	return state, err
}

// unitOf asks which unit a process belongs to.
func (s *systemd) unitOf(pid int) (name string, err error) {
	err = s.ask(func(ctx context.Context) error {
		name, err = s.conn.UnitOf(ctx, pid)
		return err
	})
	return name, err
}

// ask runs question with a connection, for queryTime at most.
func (s *systemd) ask(question func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), queryTime)
	defer cancel()
	if s.conn == nil {
		// Not bound to ctx: it would be closed with it.
		if s.conn, err = manager.Connect(context.Background(), scope(s.userManager), os.Getenv("XDG_RUNTIME_DIR")); err != nil {
			return err
		}
	}
	return question(ctx)
}

func scope(userManager bool) manager.Scope {
	if userManager {
		return manager.User
	}
	return manager.System
}
