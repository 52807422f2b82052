package install

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestSharedFiles: they come with an installation, are renewed, and go again with the directories that were not there before.
func TestSharedFiles(t *testing.T) {
	b := newBench(t)
	before := b.tree(t)
	b.share = []sharedFile{{"man/man1/x.1", []byte("one")}, {"man/man5/x.unit.5", []byte("five")}, {"bash-completion/completions/x", []byte("bash")}}
	said := func(want string) {
		t.Helper()
		if lines := b.said(); !slices.Contains(lines, want) {
			t.Errorf("not said: %s\n%s", want, strings.Join(lines, "\n"))
		}
	}
	b.install(context.Background())
	said("done  manual pages and completions in /home/.local/share")
	if text, err := os.ReadFile(b.home + "/.local/share/man/man5/x.unit.5"); string(text) != "five" {
		t.Errorf("%q %v", text, err)
	}
	b.install(context.Background())
	said("ok    manual pages and completions in /home/.local/share")
	b.share[0].content = []byte("newer")
	b.install(context.Background())
	said("done  manual pages and completions in /home/.local/share")
	b.uninstall(context.Background())
	said("done  removed the manual pages and completions in /home/.local/share")
	if after := b.tree(t); !slices.Equal(before, after) {
		t.Errorf("left: %q", after)
	}
}

// TestSharedFilesCannotBeWritten: the installation works all the same.
func TestSharedFilesCannotBeWritten(t *testing.T) {
	b := newBench(t)
	b.share = []sharedFile{{"man/man1/x.1", []byte("one")}}
	b.write(t, b.home+"/.local/share", "a file")
	if !b.install(context.Background()) {
		t.Error(strings.Join(b.said(), "\n"))
	}
	if said := strings.Join(b.said(), "\n"); !strings.Contains(said, "note  no manual pages and completions: ") {
		t.Error(said)
	}
}
