//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGoldenTreesVerify gives every golden tree to systemd-analyze verify, which must not say a word.
func TestGoldenTreesVerify(t *testing.T) {
	trees, err := filepath.Glob("../testdata/*/out/*")
	if err != nil || len(trees) == 0 {
		t.Fatalf("no golden trees (%v)", err)
	}
	seen := 0
	for _, tree := range trees {
		scope := filepath.Base(tree)
		name := filepath.Base(filepath.Dir(filepath.Dir(tree))) + "-" + scope
		t.Run(name, func(t *testing.T) {
			if verify(t, tree, "verify/"+name, "--"+scope) {
				seen++
			}
		})
	}
	record(t, "golden trees through systemd-analyze verify", "all, without a word", fmt.Sprintf("%d of %d", seen, len(trees)))
}

// verify copies the tree into the test host and says whether systemd has nothing to say about its units.
func verify(t *testing.T, tree, to, scope string) bool {
	t.Helper()
	if err := os.MkdirAll(host.home(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-r", tree+"/.", host.home(to)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { os.RemoveAll(host.home(to)) })
	units := unitsBelow(t, host.home(to))
	if len(units) == 0 {
		return true
	}
	script := `cd "$1" && scope=$2 && shift 2 && SYSTEMD_UNIT_PATH=$PWD: systemd-analyze "$scope" --man=no verify "$@" 2>&1; true`
	said := host.run(t, append([]string{"sh", "-c", script, "sh", "/home/demo/" + to, scope}, units...)...)
	if said != "" {
		t.Errorf("%s", said)
	}
	return said == ""
}

// unitsBelow are the unit files in the directory itself: drop-ins and links are read with them. To systemd-analyze a colon separates a file
// from its alias, so that units with one in their names can only be reached through another unit.
func unitsBelow(t *testing.T, dir string) (units []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	colons := ""
	for _, e := range entries {
		switch {
		case e.IsDir():
		case strings.Contains(e.Name(), ":"):
			colons += "Wants=" + e.Name() + "\n"
		default:
			units = append(units, "./"+e.Name())
		}
	}
	if colons == "" {
		return units
	}
	if err := os.WriteFile(filepath.Join(dir, "colons.target"), []byte("[Unit]\n"+colons), 0o644); err != nil {
		t.Fatal(err)
	}
	return append(units, "./colons.target")
}
