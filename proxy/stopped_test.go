package proxy

import (
	"errors"
	"strings"
	"testing"

	"podman-ondemand/manager"
)

// Who is stopped while the container starts lets its clients go only where that has ended by itself.
func TestWhyStopped(t *testing.T) {
	for _, c := range []struct {
		active, sub, result string
		err                 error
		want                string // "": the clients can wait
	}{
		{active: "active", sub: "running", result: "success"},
		{active: "activating", sub: "start", result: "success"},
		{active: "activating", sub: "auto-restart", result: "exit-code"},
		{active: "failed", sub: "failed-before-auto-restart", result: "exit-code"},
		{err: errors.New("no systemd")},
		{active: "deactivating", sub: "stop-sigterm", result: "exit-code", want: `(result "exit-code")`},
		{active: "inactive", sub: "dead", result: "success", want: `(result "success")`},
		{active: "failed", sub: "failed", result: "exit-code", want: "ended before the application answered"},
	} {
		cfg := testConfig(t, "80")
		err := cfg.whyStopped(func(string) (unitState, error) {
			return unitState{Unit: manager.Unit{LoadState: "loaded", ActiveState: c.active, SubState: c.sub}, result: c.result}, c.err
		})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s/%s: %v, want %q", c.active, c.sub, err, c.want)
		}
	}
}
