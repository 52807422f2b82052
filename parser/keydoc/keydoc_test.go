package keydoc

import (
	"slices"
	"testing"

	"podman-ondemand/parser"
)

// TestKeys: each key of the table has a text, each text a key, and each section
// says what it is for.
func TestKeys(t *testing.T) {
	for _, section := range parser.Sections {
		s, ok := Read(section)
		if !ok {
			t.Errorf("[%s] is not documented: write parser/keydoc/%s", section, File(section))
			continue
		}
		if s.Intro == "" {
			t.Errorf("%s does not begin with what the section is for", File(section))
		}
		seen := map[string]bool{}
		for _, e := range s.Keys {
			_, known := parser.FindKey(section, e.Name)
			switch {
			case seen[e.Name]:
				t.Errorf("%s: %s= has two texts", File(section), e.Name)
			case !known:
				t.Errorf("%s: %s= is not in the table of keys", File(section), e.Name)
			case len(e.Text) < 40:
				t.Errorf("%s: %s= has no text worth that name: %q", File(section), e.Name, e.Text)
			}
			seen[e.Name] = true
		}
		for _, k := range parser.Keys {
			if k.Section == section && !seen[k.Name] {
				t.Errorf("%s= has no text: write \"## %s=\" and a paragraph into parser/keydoc/%s", k.Name, k.Name, File(section))
			}
		}
	}
}

// TestNoOtherFiles: a text that belongs to no section would never be read.
func TestNoOtherFiles(t *testing.T) {
	entries, err := files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.ContainsFunc(parser.Sections, func(s string) bool { return File(s) == e.Name() }) {
			t.Errorf("%s is the text of no section", e.Name())
		}
	}
}

func TestKinds(t *testing.T) {
	for _, k := range parser.Keys {
		if _, ok := KindOf(k.Kind); !ok {
			t.Errorf("%s= is of a kind that keydoc.Kinds does not explain", k.Name)
		}
	}
}
