package emit

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"podman-ondemand/parser"
)

// FuzzPrint: what the printer lets through is read back as what was meant, and printed the same again.
func FuzzPrint(f *testing.F) {
	for _, pattern := range []string{"../testdata/*/in/*.ondemand", "../testdata/*/out/*/*.s*"} {
		files, _ := filepath.Glob(pattern)
		if len(files) == 0 {
			f.Fatal("no seeds: ", pattern)
		}
		for _, name := range files {
			if text, err := os.ReadFile(name); err == nil { // some dangle on purpose
				f.Add(text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		u := read(text)
		if u.Check() != nil {
			return
		}
		once := u.AppendText(nil)
		if twice := read(once).AppendText(nil); !bytes.Equal(once, twice) {
			t.Errorf("printed as\n%s\nand that as\n%s", once, twice)
		}
	})
}

// read makes a unit of a text; what is no assignment is left out.
func read(text []byte) Unit {
	file, _ := parser.Parse("f", text)
	u := Unit{Name: "x.service"}
	for _, s := range file.Sections {
		if s.Broken {
			continue
		}
		section := Section{Name: strings.TrimSpace(s.Name + " " + s.Label)}
		for _, e := range s.Entries {
			section.Options = append(section.Options, Option{e.Key, Passed(e.Value)})
		}
		u.Sections = append(u.Sections, section)
	}
	return u
}
