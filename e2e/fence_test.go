//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var exposure = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

// TestProxyIsFencedIn reads from the kernel what a serving proxy may still do, in each of its threads, and has systemd judge its unit.
// What the fence keeps it from is tried in proxy/fence_test.go.
func TestProxyIsFencedIn(t *testing.T) {
	t.Parallel()
	a := start(t, longIdle())
	a.mustGet("/")
	tasks, err := filepath.Glob(host.path(t, "/proc/"+a.mainPID(a.proxy())+"/task/*/status"))
	if err != nil || len(tasks) < 2 {
		t.Fatalf("%d threads, %v", len(tasks), err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // it has ended
		}
		for _, want := range []string{"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000",
			"NoNewPrivs:\t1", "Seccomp:\t2"} {
			if !strings.Contains(string(text), want+"\n") {
				t.Errorf("a thread has not %s:\n%s", want, text)
			}
		}
	}
	if said := host.journal(t, a.mark, "-o", "cat", "-u", a.proxy()); strings.Contains(said, "less fenced in") {
		t.Error(said)
	}
	m := exposure.FindStringSubmatch(host.run(t, "systemd-analyze", "--user", "security", "--no-pager", a.proxy()))
	if m == nil {
		t.Fatal("systemd-analyze security has no figure")
	}
	record(t, "systemd-analyze security of the proxy's unit", "<= 7.0", fmt.Sprintf("%s, %d threads fenced in", m[1], len(tasks)))
	if figure, err := strconv.ParseFloat(m[1], 64); err != nil || figure > 7 {
		t.Errorf("exposure %s", m[1])
	}
}
