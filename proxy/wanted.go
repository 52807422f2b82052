package proxy

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"podman-ondemand/manager"
)

// lookAgainAfter is the longest time between two looks whether another unit still keeps an idle application awake.
const lookAgainAfter = 30 * time.Second

// units is what wantedBy needs of a service manager.
type units interface {
	Some(ctx context.Context, name string, properties ...string) (manager.Unit, error)
	States(ctx context.Context, names ...string) ([]manager.Unit, error)
}

// wantedBy names a unit that wants, requires, binds to or upholds the unit self (systemd.unit(5)) and is not at rest; "" if there
// is none. One that stops may need us to the end, and one that has a job may be about to start: our end would take the start
// back. Those that want the container's service do not count: the members of a pod are bound to it and would keep it awake
// for ever.
func wantedBy(ctx context.Context, m units, self string) (string, error) {
	u, err := m.Some(ctx, self, append([]string{"BoundBy"}, manager.PullsIn...)...)
	if err != nil {
		return "", err
	}
	names := slices.Concat(u.PulledInBy(), u.BoundBy)
	if len(names) == 0 {
		return "", nil
	}
	others, err := m.States(ctx, names...)
	if err != nil {
		return "", err
	}
	for _, other := range others {
		if !other.Down() || other.Queued {
			return other.Name, nil
		}
	}
	return "", nil
}

// askWantedBy is wantedBy of our own unit and manager. It is done when ctx is.
func (c *config) askWantedBy(ctx context.Context) (string, error) {
	return c.withManager(ctx, func(conn *manager.Conn) (string, error) { return wantedBy(ctx, conn, c.self) })
}

// withManager has our own manager asked over a connection for that one question: between two of them systemd may have
// executed itself anew.
func (c *config) withManager(ctx context.Context, question func(*manager.Conn) (string, error)) (string, error) {
	conn, err := manager.Connect(ctx, scope(c.userManager), os.Getenv("XDG_RUNTIME_DIR"))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return question(conn)
}

// reason is why an idle application stays awake.
type reason struct {
	by       string        // "": nothing keeps it
	again    time.Duration // until the next question
	troubles []string      // why a question has no answer
}

// ask has a question asked beside the loop, which goes on serving; then runs in the loop with the answer.
func (s *server) ask(question func() (then func())) {
	s.asking = true
	go func() {
		then := question()
		if s.life.Err() != nil {
			return
		}
		s.loop.post(func() {
			s.asking = false
			then()
		})
	}()
}

// askWhyAwake asks whether somebody keeps it awake.
func (s *server) askWhyAwake() {
	total := s.total
	s.ask(func() func() {
		r := s.whyAwake()
		return func() { s.awakeAnswer(r, total) }
	})
}

// whyAwake asks systemd whether a unit wants us, and if none does, the container. Who does not answer keeps nobody awake.
func (s *server) whyAwake() (r reason) {
	ask := func(question func(context.Context) (string, error), within time.Duration, trouble string) {
		ctx, cancel := context.WithTimeout(s.life, within)
		defer cancel()
		var err error
		if r.by, err = question(ctx); err != nil {
			r.troubles = append(r.troubles, fmt.Sprintf(trouble, err))
		}
	}
	if s.cfg.self != "" {
		r.again = min(s.cfg.idleTimeout, lookAgainAfter)
		ask(s.wanted, queryTime, "It is not known whether another unit wants "+s.cfg.self+": %v.")
	}
	if s.cfg.idleCheck != "" && r.by == "" {
		r.again = s.cfg.idleTimeout
		ask(s.check, checkTime, "IdleCheck= has no answer, and keeps nothing awake: %v; see "+s.cfg.command("journalctl", "-u", s.cfg.idleCheck)+".")
	}
	return r
}

// awakeAnswer ends serving if there is no reason to stay and nobody has come since the question, when there had been total connections.
func (s *server) awakeAnswer(r reason, total int64) {
	if s.total != total || !s.nobodyThere() {
		return
	}
	for _, trouble := range r.troubles {
		s.log(prioWarning, "%s", trouble)
	}
	if r.by == "" {
		s.idleEnd()
		return
	}
	s.keptBy = r.by
	s.loop.arm(s.idle, r.again)
}
