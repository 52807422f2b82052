package proxy

import (
	"context"
	"os"
	"slices"
	"time"

	"podman-ondemand/manager"
)

// lookAgainAfter is the longest time between two looks whether another unit still keeps an idle application awake.
const lookAgainAfter = 30 * time.Second

// units is what wantedBy needs of a service manager.
type units interface {
	Unit(ctx context.Context, name string) (manager.Unit, error)
}

// wantedBy names a unit that wants, requires, binds to or upholds the unit self (systemd.unit(5)) and is not at rest; "" if there
// is none. One that stops may need us to the end, and one that has a job may be about to start: our end would take the start
// back. Those that want the container's service do not count: the members of a pod are bound to it and would keep it awake
// for ever.
func wantedBy(ctx context.Context, m units, self string) (string, error) {
	u, err := m.Unit(ctx, self)
	if err != nil {
		return "", err
	}
	for _, name := range slices.Concat(u.PulledInBy(), u.BoundBy) {
		other, err := m.Unit(ctx, name)
		if err != nil {
			return "", err
		}
		if !other.Down() || other.Queued {
			return name, nil
		}
	}
	return "", nil
}

// askWantedBy is wantedBy of our own unit and manager. It is done when ctx is.
func (c *config) askWantedBy(ctx context.Context) (string, error) {
	conn, err := manager.Connect(ctx, scope(c.userManager), os.Getenv("XDG_RUNTIME_DIR"))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return wantedBy(ctx, conn, c.self)
}

// askWanted has systemd asked whether a unit wants us, beside the loop, which goes on serving.
func (s *server) askWanted() {
	s.asking = true
	total := s.total
	go func() {
		ctx, cancel := context.WithTimeout(s.life, queryTime)
		defer cancel()
		by, err := s.wanted(ctx)
		if s.life.Err() != nil {
			return
		}
		s.loop.post(func() {
			s.asking = false
			s.wantedAnswer(by, err, total)
		})
	}()
}

// wantedAnswer ends serving if nobody wants us and nobody has come since the question, when there had been total connections. A
// systemd that does not answer keeps nobody awake.
func (s *server) wantedAnswer(by string, err error, total int64) {
	if s.total != total || !s.nobodyThere() {
		return
	}
	if err != nil {
		s.log(prioWarning, "It is not known whether another unit wants %s: %v.", s.cfg.self, err)
	}
	if by == "" {
		s.idleEnd()
		return
	}
	s.keptBy = by
	s.loop.arm(s.idle, min(s.cfg.idleTimeout, lookAgainAfter))
}
