// Package packaging has the tests of what the packages are made of.
package packaging

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const specFile = "podman-ondemand.spec"

var bundled = regexp.MustCompile(`(?m)^Provides: +bundled\(golang\((.*)\)\) = (.*)$`)

// TestBundled: the spec file names the modules that are linked into the program, with their versions. Fedora wants to know whom a hole
// in one of them concerns.
func TestBundled(t *testing.T) {
	spec, err := os.ReadFile(specFile)
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, m := range bundled.FindAllStringSubmatch(string(spec), -1) {
		named = append(named, m[1]+" v"+m[2])
	}
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "../cmd/podman-ondemand")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := slices.DeleteFunc(strings.Split(string(out), "\n"), func(line string) bool { return line == "" })
	slices.Sort(linked)
	if d := cmp.Diff(slices.Compact(linked), named); d != "" {
		t.Errorf("Provides: in %s (-want +got):\n%s", specFile, d)
	}
}

// TestSpec: rpm can read the spec file.
func TestSpec(t *testing.T) {
	if _, err := exec.LookPath("rpmspec"); err != nil {
		t.Skip("no rpmspec on this machine, which reads the spec file")
	}
	out, err := exec.Command("rpmspec", "--query", "--queryformat", "%{name} %{version}\n", specFile).CombinedOutput()
	if err != nil || !regexp.MustCompile(`^podman-ondemand \d+\.\d+\.\d+\n$`).Match(out) {
		t.Errorf("%v: %s", err, out)
	}
}
