package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/packaging/mangen"
)

var update = flag.Bool("update", false, "write the manual pages into packaging/man")

// TestManPages: the pages are what the texts, the commands and the table of keys make of them today.
func TestManPages(t *testing.T) {
	pages, err := mangen.Pages(newRoot())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages {
		file := filepath.Join("../../packaging/man", p.Name)
		if *update {
			if err := os.WriteFile(file, p.Content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		now, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(now), string(p.Content)); d != "" {
			t.Errorf("packaging/man/%s is stale: run make man, and read the page\n%s", p.Name, d)
		}
	}
}
