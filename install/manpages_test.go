package install

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestManPages: they come with an installation, are renewed, and go again with the directories that were not there before.
func TestManPages(t *testing.T) {
	b := newBench(t)
	before := b.tree(t)
	b.pages = fstest.MapFS{"x.1": {Data: []byte("one")}, "x.unit.5": {Data: []byte("five")}}
	said := func(want string) {
		t.Helper()
		if lines := b.said(); !slices.Contains(lines, want) {
			t.Errorf("not said: %s\n%s", want, strings.Join(lines, "\n"))
		}
	}
	b.install(context.Background())
	said("done  manual pages in /home/.local/share/man")
	if text, err := os.ReadFile(b.home + "/.local/share/man/man5/x.unit.5"); string(text) != "five" {
		t.Errorf("%q %v", text, err)
	}
	b.install(context.Background())
	said("ok    manual pages in /home/.local/share/man")
	b.pages = fstest.MapFS{"x.1": {Data: []byte("newer")}, "x.unit.5": {Data: []byte("five")}}
	b.install(context.Background())
	said("done  manual pages in /home/.local/share/man")
	b.uninstall(context.Background())
	said("done  removed the manual pages in /home/.local/share/man")
	if after := b.tree(t); !slices.Equal(before, after) {
		t.Errorf("left: %q", after)
	}
}

// TestManPagesCannotBeWritten: the installation works all the same.
func TestManPagesCannotBeWritten(t *testing.T) {
	b := newBench(t)
	b.pages = fstest.MapFS{"x.1": {Data: []byte("one")}}
	b.write(t, b.home+"/.local/share", "a file")
	if !b.install(context.Background()) {
		t.Error(strings.Join(b.said(), "\n"))
	}
	if said := strings.Join(b.said(), "\n"); !strings.Contains(said, "note  no manual pages: ") {
		t.Error(said)
	}
}
