//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestManPages: the pages are found by their names, and neither groff nor mandoc finds fault with them.
func TestManPages(t *testing.T) {
	pages, err := filepath.Glob("../packaging/man/*.[158]")
	if err != nil || len(pages) != 3 {
		t.Fatalf("%q %v", pages, err)
	}
	for _, page := range pages {
		section := filepath.Ext(page)[1:]
		name := strings.TrimSuffix(filepath.Base(page), "."+section)
		file := strings.TrimSpace(host.run(t, "man", "--where", section, name))
		if want := "/usr/share/man/man" + section + "/" + name + "." + section; file != want {
			t.Errorf("man %s finds %s, want %s", name, file, want)
		}
		if said, err := host.try("mandoc", "-T", "lint", file); err != nil || said != "" {
			t.Errorf("mandoc of %s: %v\n%s", name, err, said)
		}
		if said := host.run(t, "sh", "-c", `man --warnings -E UTF-8 -Tutf8 -Z "$1" 2>&1 >/dev/null`, "sh", file); said != "" {
			t.Errorf("groff of %s:\n%s", name, said)
		}
		if said := host.run(t, "lexgrog", file); !strings.Contains(said, `"`+name+" - ") {
			t.Errorf("whatis(1) would say of %s: %s", name, said)
		}
		text := host.run(t, "env", "MANWIDTH=80", "man", name)
		for line := range strings.Lines(text) {
			if len([]rune(strings.TrimRight(line, "\n"))) > 80 {
				t.Errorf("%s is too wide: %s", name, line)
			}
		}
	}
	record(t, "manual pages through mandoc and groff", "without a word", "3 of 3")
}
