package parser

import (
	"strings"
	"testing"
)

// FuzzWords checks what must hold for any value: each word begins where it says, in order, and no word is made of nothing.
func FuzzWords(f *testing.F) {
	for _, value := range []string{`a b`, `"a b" 'c'd`, `\x41\u00e4\101 \q`, `"`, `'a`, `\`, ` ;  `, "a\tb", `""`, "ä \xff", `a"b"c`} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		text := "[S]\nK=" + value
		file, _ := Parse("f", []byte(text))
		for _, s := range file.Sections {
			for i := range s.Entries {
				for esc := range Escapes(2) {
					checkWords(t, &s.Entries[i], esc, strings.Count(text, "\n")+1)
				}
			}
		}
	})
}

func checkWords(t *testing.T, e *Entry, esc Escapes, lines int) {
	words, ds := e.Words(esc)
	if len(words) > len(e.Value) {
		t.Fatalf("%q is %d words", e.Value, len(words))
	}
	before := e.Pos
	for _, w := range words {
		at := w.Pos()
		if at.compare(before) <= 0 || at.Line > lines {
			t.Fatalf("%q: %q at %v, after %v", e.Value, w.Text, at, before)
		}
		before = at
	}
	for _, d := range ds {
		if d.Pos.Line < e.Pos.Line || d.Pos.Line > lines {
			t.Fatalf("%v is outside of %q", d, e.Value)
		}
	}
}
