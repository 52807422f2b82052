package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"podman-ondemand/manager"
)

// lookEvery is the time between two looks while something is waited for.
const lookEvery = 25 * time.Millisecond

// tellEvery is the time between two words about what is waited for, and before the first.
const tellEvery = time.Second

// Wake opens a connection to the application, as a client would, and waits until it is served or has been let go. No byte is
// sent. (See callOrStart for one that cannot be woken so.) tell, where there is one, hears once a second what is waited for. A
// connection it has to be: the proxy falls asleep when the last one ends, and would not without any.
func (h Host) Wake(ctx context.Context, a App, tell func(string)) (string, error) {
	s, err := h.Look(ctx, a)
	switch {
	case err != nil:
		return "", err
	case s.State == Broken, s.State == NotLoaded, s.State == Stopped, a.Template():
		return "", fmt.Errorf("%s cannot be woken, it is %s: %s", a.Name, s.State, s.Note)
	case s.serves(a):
		return a.Name + " is awake already", nil
	}
	if err := h.refusalOver(ctx, a, s); err != nil {
		return "", err
	}
	began := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	over, err := h.callOrStart(ctx, a)
	if err != nil {
		return "", err
	}
	if err := h.served(ctx, a, over, tell); err != nil {
		return "", err
	}
	if err := h.awaitServing(ctx, a, began); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s is awake after %d ms", a.Name, time.Since(began).Milliseconds()), nil
}

// serves says whether a connection would be served at once.
func (s Status) serves(a App) bool {
	if s.State != Awake {
		return false
	}
	return len(a.Proxies) == 0 || slices.ContainsFunc(s.Units, func(u UnitState) bool {
		return u.Active == "active" && slices.Contains(a.Proxies, u.Name)
	})
}

// refusalOver waits for the end of the second in which a proxy turns everybody away whose container has failed: to connect in
// that time would be no new try.
func (h Host) refusalOver(ctx context.Context, a App, s Status) error {
	for end := time.Now().Add(settled); s.State == Failed && s.refuses(a) && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookEvery):
		}
		var err error
		if s, err = h.Look(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// refuses says whether a proxy is up though the start has failed.
func (s Status) refuses(a App) bool {
	return slices.ContainsFunc(s.Units, func(u UnitState) bool {
		return u.Active == "activating" && slices.Contains(a.Proxies, u.Name)
	})
}

// callOrStart does what wakes the application, until ctx is done; over is closed when nothing more comes of it. Where not everybody
// may wake it, a connection from here may not either, and to one that listens for datagrams only there is none: systemd is asked
// in its place.
func (h Host) callOrStart(ctx context.Context, a App) (over <-chan struct{}, err error) {
	if a.Gated {
		return h.startBeside(ctx, a), nil
	}
	conn, err := h.connect(ctx, a)
	if errors.As(err, new(noConnectionsError)) && len(a.Proxies) > 0 {
		return h.startBeside(ctx, a), nil
	}
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	return beside(func() {
		_, _ = conn.Read(make([]byte, 1)) // a byte is a sign of life, as good as any
	}), nil
}

// startBeside has systemd start the container and the proxy.
func (h Host) startBeside(ctx context.Context, a App) (over <-chan struct{}) {
	return beside(func() { h.startAll(ctx, a.Containers[0], a.Proxies[0]) })
}

// beside does f while others go on; over is closed when that is done.
func beside(f func()) (over <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	return done
}

// startAll starts units one after the other. How they are then says what has come of it.
func (h Host) startAll(ctx context.Context, units ...string) {
	for _, unit := range units {
		var job *manager.JobError
		for errors.As(h.Manager.Start(ctx, unit), &job) && job.Result == "" && ctx.Err() == nil {
			job = nil // systemd still tries
		}
	}
}

// served waits until the application serves, or what was to wake it is over, whatever that means.
func (h Host) served(ctx context.Context, a App, over <-chan struct{}, tell func(string)) error {
	began := time.Now()
	told := began
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over:
			return nil
		case <-time.After(lookEvery):
		}
		s, err := h.Look(ctx, a)
		if err != nil || s.serves(a) {
			return err
		}
		if tell != nil && time.Since(told) >= tellEvery {
			told = time.Now()
			tell(h.doing(ctx, a, s, began))
		}
	}
}

// doing is what takes so long: for podman, which says nothing to systemd, the last line of its own in the journal.
func (h Host) doing(ctx context.Context, a App, s Status, began time.Time) string {
	text := s.Note
	args := []string{"--lines=1", "--since=@" + strconv.FormatInt(began.Unix(), 10), "_COMM=podman"}
	for _, unit := range a.Containers {
		args = append(args, unitField(h.Scope)+"="+unit)
	}
	if text == podmanStarts {
		_ = h.Journal(ctx, args, func(e Entry) bool {
			text = "podman: " + e["MESSAGE"]
			return true
		})
	}
	return a.Name + ": " + text
}

// awaitServing waits until the units are at rest one way or another: the connection has ended, or it is awake.
func (h Host) awaitServing(ctx context.Context, a App, began time.Time) error {
	for end := time.Now().Add(settled); ; {
		s, err := h.Look(ctx, a)
		switch {
		case err != nil:
			return err
		case s.serves(a):
			return nil
		case s.State == Failed, s.State == Stopped, s.State == Asleep, time.Now().After(end):
			return fmt.Errorf("%s did not wake: %s\nSee podman-ondemand status %s", a.Name, h.why(ctx, a, s, began), a.Name)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookEvery):
		}
	}
}

// why is the last that was said about a start that failed: by podman or the program in the container where that failed, by the
// proxy where it did not answer.
func (h Host) why(ctx context.Context, a App, s Status, began time.Time) string {
	said, _ := h.Said(ctx, a, began, 50)
	speakers := make([]string, 0, len(a.Containers)+len(a.Proxies))
	for _, u := range s.Units {
		if u.Active == "failed" && slices.Contains(a.Containers, u.Name) {
			speakers = append(speakers, strings.TrimSuffix(u.Name, ".service"))
		}
	}
	if len(speakers) == 0 {
		said, _ = h.Problems(ctx, a, began, 50)
		for _, p := range a.Proxies {
			speakers = append(speakers, strings.TrimSuffix(p, ".service"))
		}
	}
	for _, p := range slices.Backward(said) {
		if slices.Contains(speakers, p.Who) {
			return p.Text
		}
	}
	if s.Note != "" {
		return s.Note
	}
	return "the connection was closed"
}

// noConnectionsError is about an application of that name.
type noConnectionsError struct{ name string }

func (e noConnectionsError) Error() string {
	return e.name + " listens on nothing that one can connect to"
}

// connect opens a connection to the first of its addresses that takes one.
func (h Host) connect(ctx context.Context, a App) (net.Conn, error) {
	var err error = noConnectionsError{a.Name}
	sockets, lookErr := h.Manager.Details(ctx, a.Sockets...)
	if lookErr != nil {
		return nil, lookErr
	}
	for _, d := range sockets {
		for _, stream := range d.Listening.Streams {
			for _, at := range reachable(stream) {
				var conn net.Conn
				if conn, err = new(net.Dialer).DialContext(ctx, at.network, at.address); err == nil {
					return conn, nil
				}
			}
		}
	}
	return nil, err
}

type address struct{ network, address string }

// reachable is where one connects to what systemd listens on. "[::]:80" is every address, and may be IPv6 only.
func reachable(stream string) []address {
	if strings.HasPrefix(stream, "/") || strings.HasPrefix(stream, "@") {
		return []address{{"unix", stream}}
	}
	ap, err := netip.ParseAddrPort(stream)
	if err != nil {
		return nil
	}
	if !ap.Addr().IsUnspecified() {
		return []address{{"tcp", stream}}
	}
	port := strconv.Itoa(int(ap.Port()))
	v4 := address{"tcp", net.JoinHostPort("127.0.0.1", port)}
	if ap.Addr().Is4() {
		return []address{v4}
	}
	return []address{v4, {"tcp", net.JoinHostPort("::1", port)}}
}
