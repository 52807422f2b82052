package proxy

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"podman-ondemand/figures"
)

func TestStart(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(1_700_000_000_000 + int64(ms)) }
	span := func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }
	never := time.Time{}
	for _, c := range []struct {
		name                      string
		began, answered, served   time.Time
		starting, active, running time.Time
		want                      figures.Start
		ok                        bool
	}{
		{"a client waits", at(260), at(300), at(301), at(0), at(250), at(200), figures.Start{Podman: span(200), Application: span(100), Client: span(301)}, true},
		{"nobody waits", at(260), at(300), never, at(0), at(250), at(200), figures.Start{Podman: span(200), Application: span(100)}, true},
		{"it ran already", at(5000), at(5010), at(5011), at(0), at(250), at(200), figures.Start{Application: span(10), Client: span(11)}, true},
		{"it starts anew and is not active yet", at(5000), at(5300), never, at(4900), at(250), at(5100), figures.Start{Podman: span(200), Application: span(200)}, true},
		{"it never started", at(260), at(300), never, never, never, at(200), figures.Start{}, false},
		{"its process has gone", at(260), at(300), never, at(0), at(250), never, figures.Start{}, false},
	} {
		got, ok := startTimes{c.began, c.answered, c.served}.start(c.starting, c.active, c.running)
		if got != c.want || ok != c.ok {
			t.Errorf("%s: %+v, %v", c.name, got, ok)
		}
	}
}

func TestRunning(t *testing.T) {
	file, active := filepath.Join(t.TempDir(), "pid"), time.Unix(200, 0)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, time.Unix(100, 0), time.Unix(100, 0)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]time.Time{file: time.Unix(100, 0), "": active, file + "x": {}} {
		if got := (&config{pidFile: name}).running(active); !got.Equal(want) {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// TestReportStart: one report for each start, when the first client is served, or at once when there is none.
func TestReportStart(t *testing.T) {
	for _, c := range []struct {
		name   string
		client bool
		ready  string
	}{
		{"somebody waits", true, "tcp"},
		{"somebody waits for a probe", true, "open"},
		{"nobody waits", false, "tcp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			app := application(t, "", echo)
			cfg := testConfig(t, app)
			var err error
			if cfg.ready, err = parseReady(c.ready, app); err != nil {
				t.Fatal(err)
			}
			cfg.waited = time.Second
			before := time.Now()
			r := prepare(t, cfg, openDoor(t, "tcp"))
			reports := make(chan startTimes, 5)
			r.s.started.tell = func(s startTimes) { reports <- s }
			if c.client {
				conn := r.dial(0)
				r.start()
				exchange(t, conn)
			} else {
				r.start()
			}
			s := <-reports
			if since := before.Sub(s.Began); since > time.Second || since < 0 || s.Answered.Before(before) || s.Served.IsZero() == c.client {
				t.Errorf("%+v", s)
			}
			exchange(t, r.dial(0))
			if len(reports) > 0 {
				t.Error("reported twice")
			}
		})
	}
}
