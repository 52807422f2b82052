//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
)

// TestMain refuses to run where there is nothing to test on, and prints what was measured.
func TestMain(m *testing.M) {
	if err := findLab(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: "+err.Error()+"; run \"make e2e\"")
		os.Exit(1)
	}
	code := m.Run()
	figures.print()
	os.Exit(code)
}

// findLab takes up the test host that the environment names.
func findLab() error {
	host.name = os.Getenv("PODMAN_ONDEMAND_LAB_NAME")
	if host.name == "" {
		return fmt.Errorf("no test host: PODMAN_ONDEMAND_LAB_NAME is not set")
	}
	root, err := host.script("root", host.name)
	if err != nil {
		return err
	}
	host.root = strings.TrimSpace(root)
	if _, err := host.pid(); err != nil {
		return err
	}
	return onlyLoopback()
}

// onlyLoopback looks whether this process is in the test host's network namespace: its tests listen on ports of 127.0.0.1.
func onlyLoopback() error {
	interfaces, err := net.Interfaces()
	if err == nil && len(interfaces) != 1 {
		err = fmt.Errorf("not in the network namespace of the test host (e2e/lab net %s ...)", host.name)
	}
	return err
}

// figure is one line of the summary: what was measured, what is wanted and what was seen.
type figure struct{ name, wanted, seen string }

// table is the summary of a run.
type table struct {
	sync.Mutex
	rows []figure
}

var figures table

// record prints a figure with its test and keeps it for the summary.
func record(t *testing.T, what, wanted, seen string) {
	t.Helper()
	t.Logf("%s: wanted %s, seen %s", what, wanted, seen)
	figures.Lock()
	defer figures.Unlock()
	figures.rows = append(figures.rows, figure{what, wanted, seen})
}

func (f *table) print() {
	f.Lock()
	defer f.Unlock()
	if len(f.rows) == 0 {
		return
	}
	fmt.Printf("\n%-46s  %-22s  %s\n", "WHAT", "WANTED", "SEEN")
	for _, r := range f.rows {
		fmt.Printf("%-46s  %-22s  %s\n", r.name, r.wanted, r.seen)
	}
}
