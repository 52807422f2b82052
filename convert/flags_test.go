package convert

import (
	"slices"
	"strings"
	"testing"

	"podman-ondemand/parser"
)

// TestFlags: each name and letter is there once, and each key whose row says
// which option it becomes is found from that option.
func TestFlags(t *testing.T) {
	var seen []string
	for _, f := range flags {
		for _, name := range []string{f.name, f.short} {
			if name != "" && slices.Contains(seen, name) {
				t.Errorf("%s is there twice", name)
			}
			seen = append(seen, name)
		}
	}
	for _, k := range parser.Keys {
		if k.Arg == "" {
			continue
		}
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.Replace(k.Arg, "%s", "x", 1), "--"), " ")
		if before, after, ok := strings.Cut(name, "="); ok {
			name, value = before, after
		}
		if f, ok := findFlag(name); !ok || f.alone != (value == "") {
			t.Errorf("%s= becomes --%s, which is not in the table like that", k.Name, name)
		}
		if k.Name == "AutoUpdate" { // label has it
			continue
		}
		if got, _, ok := keyOf(name, value); !ok || got.Name != k.Name {
			t.Errorf("--%s %s is converted to %s=, not %s=", name, value, got.Name, k.Name)
		}
	}
}
