package proxy

import (
	"strings"
	"testing"
	"time"
)

func TestStatusTexts(t *testing.T) {
	for _, c := range []struct {
		f    figures
		idle time.Duration
		want string
	}{
		{figures{conns: 3, total: 1204, in: 1_234_567, out: 33_400_000}, 5 * time.Minute, "3 connections, 1,204 since start, 1.2 MB in, 33.4 MB out"},
		{figures{conns: 1, total: 1, in: 78, out: 999}, 5 * time.Minute, "1 connection, 1 since start, 78 B in, 999 B out"},
		{figures{total: 5, idle: true}, 5 * time.Minute, "Idle, stops in 5min if nobody connects"},
		{figures{total: 5, idle: true, keptBy: "web.service"}, time.Minute, "Idle, kept awake by web.service"},
		{figures{total: 5, idle: true}, infinity, "Idle, stays awake"},
	} {
		if got := c.f.text(c.idle); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// TestStatusIsRateLimited: with traffic one message a second, in silence none and no timer.
func TestStatusIsRateLimited(t *testing.T) {
	t.Parallel()
	r := serveOn(t, testConfig(t, application(t, "", echo)), openDoor(t, "tcp"))
	c := r.dial(0)
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); {
		exchange(t, c)
	}
	eventually(t, "the last status", func() bool { return inLoop(r, func() bool { return r.s.status.timer.at == 0 }) })
	if n := strings.Count(r.said(), " since start"); n < 1 || n > 3 {
		t.Errorf("%d statuses in 1.5 s:\n%s", n, r.said())
	}
	if !inLoop(r, func() bool { r.s.loop.fire(); return r.s.status.timer.at == 0 && r.s.idle.at == 0 }) {
		t.Error("a timer runs though nothing happens")
	}
}
