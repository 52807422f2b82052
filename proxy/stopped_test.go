package proxy

import (
	"errors"
	"strings"
	"testing"
	"time"

	"podman-ondemand/manager"
)

// Who is stopped while the container starts lets its clients go only where that has ended by itself and has not answered yet.
func TestWhyStopped(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, c := range []struct {
		active, sub, result string
		err                 error
		answered            time.Time // a proxy before us
		want                string    // "": the clients can wait
	}{
		{active: "active", sub: "running", result: "success"},
		{active: "activating", sub: "start", result: "success"},
		{active: "activating", sub: "auto-restart", result: "exit-code"},
		{active: "failed", sub: "failed-before-auto-restart", result: "exit-code"},
		{err: errors.New("no systemd")},
		{active: "deactivating", sub: "stop-sigterm", result: "exit-code", want: `(result "exit-code")`},
		{active: "inactive", sub: "dead", result: "success", want: `(result "success")`},
		{active: "failed", sub: "failed", result: "exit-code", want: "ended before the application answered"},
		{active: "deactivating", sub: "stop-post", result: "success", answered: start.Add(time.Second)},
		{active: "deactivating", sub: "stop-post", result: "success", answered: start.Add(-time.Second), want: "ended before"},
	} {
		cfg := testConfig(t, "80")
		query := func(name string) (unitState, error) {
			if name == "web-proxy.service" {
				return unitState{Unit: manager.Unit{Active: c.answered}}, nil
			}
			return unitState{Unit: manager.Unit{LoadState: "loaded", ActiveState: c.active, SubState: c.sub, Starting: start}, result: c.result}, c.err
		}
		err := cfg.whyStopped(outside{query: query, unitOf: func(int) (string, error) { return "web-proxy.service", nil }})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s/%s: %v, want %q", c.active, c.sub, err, c.want)
		}
	}
}
