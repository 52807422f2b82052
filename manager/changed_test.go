package manager

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestMayConcern: which directories of drop-ins are looked at for a unit.
func TestMayConcern(t *testing.T) {
	for _, c := range []struct {
		dir, unit string
		want      bool
	}{
		{"web.service.d", "web.service", true},
		{"web.socket.d", "web.service", false},
		{"db.service.d", "web.service", false},
		{"service.d", "web.service", true},
		{"socket.d", "web.service", false},
		{"web-.service.d", "web-proxy.service", true},
		{"web@.service.d", "web@a.service", true},
		{"web@b.service.d", "web@a.service", true}, // one look too many
		{"tmpfiles.d", "web.service", false},
	} {
		if got := mayConcern("/etc/systemd/user/"+c.dir, c.unit); got != c.want {
			t.Errorf("%s for %s: got %v", c.dir, c.unit, got)
		}
	}
}

// TestChangedSince: what is newer than the last reload, or gone, needs another.
func TestChangedSince(t *testing.T) {
	root := t.TempDir()
	source, dir := filepath.Join(root, "web.ondemand"), filepath.Join(root, "web.service.d")
	dropIn := filepath.Join(dir, "a.conf")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	reload := time.Now().Add(-time.Hour)
	set := func(path string, when time.Time) {
		t.Helper()
		if file, err := os.OpenFile(path, os.O_CREATE, 0o600); err == nil {
			file.Close()
		}
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	before, after := reload.Add(-time.Minute), reload.Add(time.Minute)
	u := Unit{Name: "web.service", SourcePath: source, DropInPaths: []string{dropIn}}
	for _, c := range []struct {
		name   string
		change func()
		want   bool
	}{
		{"nothing", func() {}, false},
		{"the file", func() { set(source, after) }, true},
		{"the file is gone", func() { os.Remove(source) }, true},
		{"a drop-in", func() { set(dropIn, after) }, true},
		{"a drop-in is gone", func() { os.Remove(dropIn) }, true},
		{"another drop-in has come", func() { set(dir, after) }, true},
	} {
		set(source, before)
		set(dropIn, before)
		set(dir, before)
		c.change()
		if got := changedSince(reload, u, dropInDirs([]string{root})); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
	if generated(Unit{FragmentPath: "/etc/systemd/user/web.service"}) || !generated(Unit{FragmentPath: "/run/user/1000/systemd/generator.late/web.service"}) {
		t.Error("generated")
	}
}
