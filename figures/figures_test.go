package figures

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	zone  = time.FixedZone("", 3600)
	since = time.Date(2026, 3, 1, 23, 59, 58, 0, zone)
)

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		status Status
		want   string
	}{
		{Status{}, "0 connections, 0 since start, 0 B in, 0 B out"},
		{Status{Connections: 3, Total: 1204, In: 1_200_000, Out: 33_400_000}, "3 connections, 1,204 since start, 1.2 MB in, 33.4 MB out"},
		{Status{Connections: 1, Total: 1, In: 78, Out: 999}, "1 connection, 1 since start, 78 B in, 999 B out"},
		{Status{Connections: 1200, Total: 9_000_000, In: 999_900_000_000_000_000, Out: 1_000_000}, "1,200 connections, 9,000,000 since start, 999.9 PB in, 1.0 MB out"},
		{Status{Total: 5, In: 1000, IdleSince: since, StopsAt: since.Add(5 * time.Minute)},
			"Idle since 2026-03-01 23:59:58 +0100, stops at 2026-03-02 00:04:58 +0100; 5 connections since start, 1.0 kB in, 0 B out"},
		{Status{IdleSince: since, KeptBy: "web.service"},
			"Idle since 2026-03-01 23:59:58 +0100, kept awake by web.service; 0 connections since start, 0 B in, 0 B out"},
		{Status{Total: 1, IdleSince: since}, "Idle since 2026-03-01 23:59:58 +0100, stays awake; 1 connection since start, 0 B in, 0 B out"},
	} {
		if got := c.status.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		got, ok := ParseStatus(c.want)
		if d := cmp.Diff(c.status, got); !ok || d != "" {
			t.Errorf("%s: read back %v (-want +got):\n%s", c.want, ok, d)
		}
	}
}

// What is rounded is written the same again.
func TestStatusRounds(t *testing.T) {
	for n := int64(1); n > 0 && n < 1<<60; n = n*7 + 3 {
		text := Status{In: n, Out: n - 1}.String()
		got, ok := ParseStatus(text)
		if !ok || got.String() != text {
			t.Errorf("%s: read back %v as %s", text, ok, got)
		}
	}
}

func TestOtherStatus(t *testing.T) {
	for _, text := range []string{
		"", "Waiting for web.service", "Waiting for the application on port 80 or port 81", "Stopping: 1 connection since start, 2 B in, 3 B out",
		"Connections are refused: 1, 2, 3, 4", "Idle since yesterday, stays awake; 1 connection since start, 0 B in, 0 B out",
		"Idle since 2026-03-01 23:59:58 +0100, soon; 1 connection since start, 0 B in, 0 B out",
		"-3 connections, 1 since start, 1 B in, 1 B out", "3 connections, 1 since start, 1 XB in, 1 B out", "3 connections, 1 since start, 1 B, 1 B out",
	} {
		if s, ok := ParseStatus(text); ok {
			t.Errorf("%q read as %+v", text, s)
		}
	}
	if why, ok := WhyRefused(Refused("no image")); !ok || why != "no image" {
		t.Errorf("%q, %v", why, ok)
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add("Idle since 2026-03-01 23:59:58 +0100, stays awake; 1 connection since start, 0 B in, 0 B out")
	f.Add("3 connections, 1,204 since start, 1.2 MB in, 33.4 MB out")
	f.Fuzz(func(t *testing.T, text string) {
		if s, ok := ParseStatus(text); ok {
			if again, ok := ParseStatus(s.String()); !ok || again.String() != s.String() {
				t.Errorf("%q: %s, then %s", text, s, again)
			}
		}
	})
}

func TestStart(t *testing.T) {
	for _, c := range []struct {
		start Start
		want  string
	}{
		{Start{Unit: "web.service", Podman: 210 * time.Millisecond, Application: 15 * time.Millisecond, Client: 231 * time.Millisecond},
			"web.service answers after 225 ms: podman took 210 ms, the application 15 ms; the first client waited 231 ms"},
		{Start{Unit: "web.service", Application: 15 * time.Millisecond}, "web.service answers after 15 ms: it ran already"},
	} {
		if got := c.start.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		fields := c.start.Fields()
		got, err := ParseStart(func(name string) string { return fields[name] })
		if d := cmp.Diff(c.start, got); err != nil || d != "" {
			t.Errorf("read back (%v) (-want +got):\n%s", err, d)
		}
		delete(fields, StartFields[1])
		if _, err := ParseStart(func(name string) string { return fields[name] }); err == nil {
			t.Error("a missing field is not missed")
		}
	}
}
