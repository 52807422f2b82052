package proxy

import (
	"strings"
	"testing"
	"time"
)

// TestStatusIsRateLimited: with traffic one message a second after the first, in silence none and no timer.
func TestStatusIsRateLimited(t *testing.T) {
	t.Parallel()
	r := serveOn(t, testConfig(t, application(t, "", echo)), openDoor(t, "tcp"))
	c := r.dial(0)
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); {
		exchange(t, c)
	}
	eventually(t, "the last status", func() bool { return inLoop(r, func() bool { return r.s.status.timer.at == 0 }) })
	if n := strings.Count(r.said(), " since start"); n < 2 || n > 4 {
		t.Errorf("%d statuses in 1.5 s:\n%s", n, r.said())
	}
	if !inLoop(r, func() bool { r.s.loop.fire(); return r.s.status.timer.at == 0 && r.s.idle.at == 0 }) {
		t.Error("a timer runs though nothing happens")
	}
}
