package proxy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"podman-ondemand/manager"
	"podman-ondemand/manager/managertest"
)

// TestWantedBy: which units keep db-proxy.service awake.
func TestWantedBy(t *testing.T) {
	for _, c := range []struct {
		name, active string
		self         manager.Unit
		want         string
	}{
		{"nobody", "active", manager.Unit{}, ""},
		{"Wants= of one that is active", "active", manager.Unit{WantedBy: []string{"web.service"}}, "web.service"},
		{"Requires= of one that starts", "activating", manager.Unit{RequiredBy: []string{"web.service"}}, "web.service"},
		{"BindsTo= of one that reloads", "reloading", manager.Unit{BoundBy: []string{"web.service"}}, "web.service"},
		{"Upholds= of one that is active", "active", manager.Unit{UpheldBy: []string{"web.service"}}, "web.service"},
		{"one that stops", "deactivating", manager.Unit{WantedBy: []string{"web.service"}}, "web.service"},
		{"one that waits for its start", "inactive", manager.Unit{WantedBy: []string{"next.service"}}, "next.service"},
		{"one that is at rest", "inactive", manager.Unit{WantedBy: []string{"web.service"}}, ""},
		{"one that failed, one that is gone", "failed", manager.Unit{WantedBy: []string{"web.service", "gone.service"}}, ""},
		{"what it wants itself", "active", manager.Unit{Wants: []string{"web.service"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.self.Name = "db-proxy.service"
			f := &managertest.Fake{Loaded: []manager.Unit{c.self, {Name: "web.service", ActiveState: c.active},
				{Name: "next.service", ActiveState: "inactive", Queued: true}}}
			if by, err := wantedBy(t.Context(), f, "db-proxy.service"); by != c.want || err != nil {
				t.Errorf("got %q, %v; want %q", by, err, c.want)
			}
		})
	}
	f := &managertest.Fake{Fails: map[string]error{"unit db-proxy.service": managertest.ErrNoManager}}
	if _, err := wantedBy(t.Context(), f, "db-proxy.service"); err != managertest.ErrNoManager {
		t.Errorf("got %v", err)
	}
}

// serveWanted is serveOn with a systemd that answers as the function does.
func serveWanted(t *testing.T, cfg config, d door, wanted func(context.Context) (string, error)) *run {
	t.Helper()
	cfg.self = "db-proxy.service"
	r := prepare(t, cfg, d)
	r.s.wanted = wanted
	r.start()
	return r
}

// idleConfig is testConfig with a very short idle timeout.
func idleConfig(t *testing.T) config {
	cfg := testConfig(t, application(t, "", echo))
	cfg.idleTimeout = 20 * time.Millisecond
	return cfg
}

// TestKeptAwake: it stays idle and awake while somebody wants it, says who, serves, and goes when nobody does any more.
func TestKeptAwake(t *testing.T) {
	t.Parallel()
	var by atomic.Value
	var asked atomic.Int32
	by.Store("web.service")
	r := serveWanted(t, idleConfig(t), openDoor(t, "tcp"), func(context.Context) (string, error) {
		asked.Add(1)
		return by.Load().(string), nil
	})
	eventually(t, "several questions", func() bool { return asked.Load() > 3 })
	r.stillRuns()
	eventually(t, "a status", func() bool { return strings.Contains(r.said(), ", kept awake by web.service; ") })
	c := r.dial(0)
	exchange(t, c)
	if kept := inLoop(r, func() string { return r.s.keptBy }); kept != "" {
		t.Error("it is used and said to be kept awake")
	}
	c.Close()
	n := asked.Load()
	eventually(t, "a question after the connection", func() bool { return asked.Load() > n })
	r.stillRuns()
	by.Store("")
	r.exits(0)
	if !strings.Contains(r.logged(), "Nobody was connected for 20ms") {
		t.Errorf("log:\n%s", r.logged())
	}
}

// TestServesDuringTheQuestion: who comes while systemd is asked is served, and the answer is then out of date.
func TestServesDuringTheQuestion(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan bool), make(chan string)
	r := serveWanted(t, idleConfig(t), openDoor(t, "tcp"), func(context.Context) (string, error) {
		asked <- true
		return <-answer, nil
	})
	<-asked
	time.Sleep(50 * time.Millisecond) // the idle timer fires again; one question at a time is enough
	short := r.dial(0)
	exchange(t, short)
	short.Close()
	long := r.dial(0)
	exchange(t, long)
	answer <- ""
	exchange(t, long)
	r.stillRuns()
	long.Close()
	<-asked
	answer <- ""
	r.exits(0)
}

// TestSystemdThatDoesNotAnswer keeps nothing awake, and nobody waiting.
func TestSystemdThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	r := serveWanted(t, idleConfig(t), openDoor(t, "tcp"), func(context.Context) (string, error) { return "", errors.New("no such bus") })
	r.exits(0)
	if want := "It is not known whether another unit wants db-proxy.service: no such bus"; !strings.Contains(r.logged(), want) {
		t.Errorf("log does not say %q:\n%s", want, r.logged())
	}
}

// TestStopDuringTheQuestion does not wait for the answer.
func TestStopDuringTheQuestion(t *testing.T) {
	t.Parallel()
	asked := make(chan bool, 1)
	r := serveWanted(t, idleConfig(t), openDoor(t, "tcp"), func(ctx context.Context) (string, error) {
		asked <- true
		<-ctx.Done()
		return "", ctx.Err()
	})
	<-asked
	began := time.Now()
	r.s.stop("Asked to stop")
	r.exits(0)
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestQuestionHasAnEnd: a manager that takes the connection and says nothing.
func TestQuestionHasAnEnd(t *testing.T) {
	for _, socket := range []string{"systemd/private", "bus"} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "systemd"), 0o700); err != nil {
			t.Fatal(err)
		}
		application(t, filepath.Join(dir, socket), silent)
		t.Setenv("XDG_RUNTIME_DIR", dir)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		cfg := config{userManager: true, self: "db-proxy.service"}
		began := time.Now()
		if by, err := cfg.askWantedBy(ctx); err == nil || by != "" {
			t.Errorf("%s: got %q, %v", socket, by, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: it took %v", socket, took)
		}
	}
}

// TestQuestionLosesNobody: with a question between the idle timeout and the end, too, everybody is answered.
func TestQuestionLosesNobody(t *testing.T) {
	t.Parallel()
	idleExitLosesNobody(t, func(cfg config, d door) *run {
		return serveWanted(t, cfg, d, func(context.Context) (string, error) {
			time.Sleep(2 * time.Millisecond)
			return "", nil
		})
	})
}
