//go:build e2e

package e2e

import (
	"testing"
	"time"
)

// TestReboot runs alone, before the parallel tests.
func TestReboot(t *testing.T) {
	a := start(t, plain)
	a.mustGet("/")
	begin := time.Now()
	host.reboot(t)
	up := time.Since(begin)
	a.mark = ""
	a.mustListen(a.port)
	r := a.mustGet("/")
	record(t, "after a reboot ("+ms(up)+")", "answers", ms(r.took))
	a.mark = host.mark(t)
	if n := len(a.allContainers()); n > 1 {
		t.Errorf("%d containers", n)
	}
	if n := failedUnits(t, a); n != "" {
		t.Errorf("failed: %s", n)
	}
	a.mustSleep(10 * time.Second)
}
