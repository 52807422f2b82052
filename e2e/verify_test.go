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
	if err := os.Chmod(host.home(to), 0o777); err != nil { // Quadlet runs as the user
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(host.home(to)); os.RemoveAll(host.home(to + "-in")) })
	copyTree(t, filepath.Join(tree, "../../in"), host.home(to+"-in"))
	quadletsUnits(to, scope)
	copyTree(t, tree, host.home(to))
	units := unitsOf(t, tree, host.home(to))
	if len(units) == 0 {
		return true
	}
	// All trees name the same manual pages, and to look one up takes longer than all else.
	man := "--man=no"
	if strings.HasPrefix(filepath.Base(to), "minimal-") {
		man = "--man=yes"
	}
	script := `cd "$1" && scope=$2 man=$3 && shift 3 && SYSTEMD_UNIT_PATH=$PWD: systemd-analyze "$scope" "$man" verify "$@" 2>&1; true`
	said := host.run(t, append([]string{"sh", "-c", script, "sh", "/home/demo/" + to, scope, man}, units...)...)
	if said != "" {
		t.Errorf("%s", said)
	}
	return said == ""
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-r", from+"/.", to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// quadletsUnits has the installed Quadlet make the units that ours refer to. It refuses some of what is there on purpose.
func quadletsUnits(to, scope string) {
	script := `QUADLET_UNIT_DIRS=$PWD/$1-in /usr/libexec/podman/quadlet -no-kmsg-log $2 "$PWD/$1" 2>/dev/null`
	user := ""
	if scope == "--user" {
		user = "-user"
	}
	host.try("sh", "-c", script, "sh", to, user)
}

// unitsOf are the unit files of the tree itself, as they are called in dir: drop-ins and links are read with them. To
// systemd-analyze a colon separates a file from its alias, so that units with one in their names can only be reached through
// another unit. A template is looked at as an instance whose name is a port.
func unitsOf(t *testing.T, tree, dir string) (units []string) {
	t.Helper()
	entries, err := os.ReadDir(tree)
	if err != nil {
		t.Fatal(err)
	}
	colons := ""
	for _, e := range entries {
		name := e.Name()
		switch {
		case e.IsDir():
		case strings.Contains(name, ":"):
			colons += "Wants=" + name + "\n"
		case strings.Contains(name, "@."):
			instance := strings.Replace(name, "@.", "@8090.", 1)
			if err := os.Symlink(name, filepath.Join(dir, instance)); err != nil {
				t.Fatal(err)
			}
			units = append(units, "./"+instance)
		default:
			units = append(units, "./"+name)
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
