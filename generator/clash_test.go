package generator

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestInstalledUnit: systemd takes a person's own unit in the place of ours,
// and ours in the place of a package's.
func TestInstalledUnit(t *testing.T) {
	own, vendor := t.TempDir(), t.TempDir()
	for _, name := range []string{own + "/mine.service", vendor + "/theirs.socket", vendor + "/masked.service"} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/dev/null", own+"/masked.service"); err != nil {
		t.Fatal(err)
	}
	files := &Files{unitDirs: []unitDir{{own, true}, {vendor, false}}}
	r := Generate([]Source{
		source("mine", "PublishPort=1:1"), source("theirs", "PublishPort=2:2"), source("masked", "PublishPort=3:3"),
	}, files, testOptions)
	want := "/src/mine.ondemand: error: OWN/mine.service is there already, and systemd takes that one (remove it, or write ServiceName= in [Container])\n" +
		"/src/mine.ondemand: warning: mine is not generated\n" +
		"/src/theirs.ondemand: warning: hides VENDOR/theirs.socket (to keep that unit write ServiceName= in [Container])\n"
	if diff := cmp.Diff(want, strings.NewReplacer(own, "OWN", vendor, "VENDOR").Replace(r.Diags.String())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
