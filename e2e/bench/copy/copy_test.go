package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCopyTree(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(from, "wants"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "wants/c"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte("the text of "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../a", filepath.Join(from, "wants/a")); err != nil {
		t.Fatal(err)
	}
	if err := copyTree(from, to); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "wants/c"} {
		if text, err := os.ReadFile(filepath.Join(to, name)); string(text) != "the text of "+name {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if link, err := os.Readlink(filepath.Join(to, "wants/a")); link != "../a" {
		t.Errorf("link: %q, %v", link, err)
	}
	if err := copyTree(from, to); err == nil {
		t.Error("copied over what was there")
	}
}
