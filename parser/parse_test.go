package parser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dump writes what was read, one assignment a line, with the place of its key
// and of its value.
func dump(f *File) string {
	var b strings.Builder
	for _, s := range f.Sections {
		fmt.Fprintf(&b, "%d:%d [%s]\n", s.Pos.Line, s.Pos.Col, s.Name)
		for _, e := range s.Entries {
			v := e.ValuePos(0)
			fmt.Fprintf(&b, "%d:%d %s %d:%d %q\n", e.Pos.Line, e.Pos.Col, e.Key, v.Line, v.Col, e.Value)
		}
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, text, want, diags string }{
		{"empty", "", "", ""},
		{"assignment", "[A]\nk=v\n", "1:1 [A]\n2:1 k 2:3 \"v\"\n", ""},
		{"no newline at the end", "[A]\nk=v", "1:1 [A]\n2:1 k 2:3 \"v\"\n", ""},
		{"blanks", " [A] \n\t k \t=  v w \t\n", "1:2 [A]\n2:3 k 2:9 \"v w\"\n", ""},
		{"characters, not bytes", "[A]\nä=ö ü\n", "1:1 [A]\n2:1 ä 2:3 \"ö ü\"\n", ""},
		{"empty value", "[A]\nk=\n", "1:1 [A]\n2:1 k 2:3 \"\"\n", ""},
		{"more than one =", "[A]\nk=a=b\n", "1:1 [A]\n2:1 k 2:3 \"a=b\"\n", ""},
		{"comments", "# x\n[A]\n; y\n  # z\nk=v # no comment\n", "2:1 [A]\n5:1 k 5:3 \"v # no comment\"\n", ""},
		{"continued in a section of Quadlet", "[Container]\nk=a,\\\n  b \\\n\tc\n", "1:1 [Container]\n2:1 k 2:3 \"a,b c\"\n", ""},
		{"continued", "[Unit]\nk=a \\\n  b\n", "1:1 [Unit]\n2:1 k 2:3 \"a    b\"\n", ""},
		{"continued with a blank behind", "[Unit]\nk=a\\ \nb\n", "1:1 [Unit]\n2:1 k 2:3 \"a b\"\n", ""},
		{"continued over a comment", "[Unit]\nk=a\\\n# c\\\nb\n", "1:1 [Unit]\n2:1 k 2:3 \"a b\"\n", ""},
		{"a blank line ends it", "[A]\nk=a\\\n\nb=c\n", "1:1 [A]\n2:1 k 2:3 \"a\"\n4:1 b 4:3 \"c\"\n", ""},
		{"two backslashes end it", "[A]\nk=a\\\\\nb=c\n", "1:1 [A]\n2:1 k 2:3 \"a\\\\\\\\\"\n3:1 b 3:3 \"c\"\n", ""},
		{"continued at the end of the file", "[Unit]\nk=a\\", "1:1 [Unit]\n2:1 k 2:3 \"a\"\n", ""},
		{"value on the next line", "[A]\nk=\\\n  v\n", "1:1 [A]\n2:1 k 3:3 \"v\"\n", ""},
		{"a comment does not continue", "[A]\n# c\\\nk=v\n", "1:1 [A]\n3:1 k 3:3 \"v\"\n", ""},
		{"CRLF", "[Unit]\r\nk=a\\\r\nb\r\n", "1:1 [Unit]\n2:1 k 2:3 \"a b\"\n", ""},
		{"BOM", "\ufeff[A]\nk=v\n", "1:1 [A]\n2:1 k 2:3 \"v\"\n", ""},
		{"outside", "k=v\nl=m\n[A]\n", "3:1 [A]\n",
			"f:1:1: warning: assignment outside of a section, ignored with those that follow (begin the file with [Container])\n"},
		{"missing =", "[A]\n  k v\n", "1:1 [A]\n", "f:2:3: warning: missing '=', line ignored (write KEY=VALUE; a line that goes on in the next one ends in a backslash)\n"},
		{"missing key", "[A]\n = v\n", "1:1 [A]\n", "f:2:2: warning: missing key name before '=', line ignored\n"},
		{"open header", "[A\nk=v\n", "1:1 [A]\n2:1 k 2:3 \"v\"\n",
			"f:1:1: error: section header does not end in ']' (a header stands alone on its line, like [Container])\n"},
		{"odd header", "[A[B]\n[]\n", "1:1 [A[B]\n2:1 []\n",
			"f:1:1: error: not a section name: \"A[B\"\nf:2:1: error: not a section name: \"\"\n"},
		{"NUL", "[A]\nk=a\x00b\nl=m\n", "1:1 [A]\n3:1 l 3:3 \"m\"\n", "f:2:4: error: NUL byte in the text, line ignored\n"},
		{"CR", "[A]\nk=a\rb\nl=m\n", "1:1 [A]\n3:1 l 3:3 \"m\"\n",
			"f:2:4: error: carriage return within a line, line ignored (lines end in a newline, or a carriage return and a newline)\n"},
		{"not UTF-8", "[A]\nk=ä\xffb\nl=m\n", "1:1 [A]\n3:1 l 3:3 \"m\"\n", "f:2:4: warning: not valid UTF-8, line ignored\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, ds := Parse("f", []byte(c.text))
			if diff := cmp.Diff(c.want, dump(f)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(c.diags, ds.String()); diff != "" {
				t.Errorf("messages, -want +got:\n%s", diff)
			}
		})
	}
}

// TestBrokenSection makes sure that what follows a broken header counts for
// nothing and costs no messages of its own.
func TestBrokenSection(t *testing.T) {
	f, _ := Parse("f", []byte("[Container] # ours\nUnknown=1\nImage=x\n"))
	if ds := f.Check(); len(ds) != 0 {
		t.Errorf("messages: %v", ds)
	}
	if es := f.Entries("Container"); len(es) != 0 {
		t.Errorf("entries: %v", es)
	}
}

// TestUnclosedSection: where it is clear which section was meant, its lines count.
func TestUnclosedSection(t *testing.T) {
	f, ds := Parse("f", []byte("[Container\nImage=x\n"))
	if e, ok := f.Last("Container", "Image"); !ok || e.Value != "x" || !ds.HasErrors() {
		t.Errorf("%v, %v: %v", e, ok, ds)
	}
}

func TestValuePos(t *testing.T) {
	f, _ := Parse("f", []byte("[A]\nk=ab \\\n# c\n  cdä \\\nef\n"))
	e := f.Entries("A")[0]
	for text, want := range map[string]string{"ab": "f:2:3", "b": "f:2:4", "cd": "f:4:3", "ä": "f:4:5", "ef": "f:5:1", "f": "f:5:2"} {
		if got := e.ValuePos(strings.Index(e.Value, text)).String(); got != want {
			t.Errorf("%q stands at %s, want %s", text, got, want)
		}
	}
}

func TestPosString(t *testing.T) {
	for want, p := range map[string]Pos{"f:1:2": {"f", 1, 2}, "f:1": {"f", 1, 0}, "f": {"f", 0, 0}} {
		if got := p.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// seeds gives a fuzzer all input of the golden trees.
func seeds(f *testing.F) {
	files, err := filepath.Glob("../testdata/*/in/*.ondemand")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds: ", err)
	}
	for _, name := range files {
		if text, err := os.ReadFile(name); err == nil { // some dangle on purpose
			f.Add(text)
		}
	}
}

// FuzzParse checks what must hold for any text: each place is one in the text,
// each value stands where it says, and nothing of a line gets into another.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		file, ds := Parse("f", text)
		ds = append(ds, file.Check()...)
		lines := strings.Count(string(text), "\n") + 1
		for _, d := range ds {
			if d.Pos.Line < 1 || d.Pos.Line > lines || d.Pos.Col < 1 {
				t.Fatalf("%v is outside of the text", d)
			}
		}
		for _, s := range file.Sections {
			for _, e := range s.Entries {
				if strings.ContainsAny(e.Key+e.Value, "\n\x00") {
					t.Fatalf("%q=%q is more than a line", e.Key, e.Value)
				}
				if p := e.ValuePos(len(e.Value)); p.Line < e.Pos.Line || p.Line > lines {
					t.Fatalf("%q ends in line %d", e.Value, p.Line)
				}
			}
		}
		for _, k := range Keys {
			file.Values(k)
		}
	})
}
