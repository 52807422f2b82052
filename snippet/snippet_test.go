package snippet

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/parser"
)

// show prints messages about one file; at are their places, each with an error.
func show(width int, text string, at ...[2]int) string {
	var ds parser.Diags
	for _, p := range at {
		ds.Errorf(parser.Pos{File: "f", Line: p[0], Col: p[1]}, "m")
	}
	var b strings.Builder
	Printer{Read: func(string) []byte { return []byte(text) }, Width: width}.Print(&b, ds)
	return b.String()
}

func TestPrint(t *testing.T) {
	long := "Exec=" + strings.Repeat("0123456789", 20)
	for _, c := range []struct {
		name  string
		width int
		text  string
		at    [][2]int
		want  string
	}{
		{"plain", 80, "[Container]\nImgae=x\n", [][2]int{{2, 1}}, `
f:2:1: error: m
    2 | Imgae=x
      | ^
`},
		{"several of a line", 80, "Image=x y\n", [][2]int{{1, 1}, {1, 9}, {1, 9}, {1, 7}}, `
f:1:1: error: m
f:1:9: error: m
f:1:9: error: m
f:1:7: error: m
    1 | Image=x y
      | ^     ^ ^
`},
		{"tab", 80, "a=\tb\tc", [][2]int{{1, 4}, {1, 6}}, `
f:1:4: error: m
f:1:6: error: m
    1 | a=      b       c
      |         ^       ^
`},
		{"wide", 80, "a=日本x\n", [][2]int{{1, 4}, {1, 5}}, `
f:1:4: error: m
f:1:5: error: m
    1 | a=日本x
      |     ^ ^
`},
		{"combining", 80, "a=e\u0301x", [][2]int{{1, 4}, {1, 5}}, `
f:1:4: error: m
f:1:5: error: m
    1 | a=e` + "\u0301" + `x
      |   ^^
`},
		{"control", 80, "a=\x1b[31mx", [][2]int{{1, 8}}, `
f:1:8: error: m
    1 | a=\x1b[31mx
      |           ^
`},
		{"not UTF-8", 80, "a=\xffx", [][2]int{{1, 4}}, `
f:1:4: error: m
    1 | a=\xffx
      |       ^
`},
		{"byte order mark and CRLF", 80, "\ufeff[Container\r\nb=\r\n", [][2]int{{1, 1}, {2, 3}}, `
f:1:1: error: m
    1 | [Container
      | ^
f:2:3: error: m
    2 | b=
      |   ^
`},
		{"continued", 80, "Exec=a \\\n  b \\\n  c\n", [][2]int{{3, 3}}, `
f:3:3: error: m
    3 |   c
      |   ^
`},
		{"long, at the start", 40, long, [][2]int{{1, 1}}, `
f:1:1: error: m
    1 | Exec=012345678901234567890123…
      | ^
`},
		{"long, in the middle", 40, long, [][2]int{{1, 106}}, `
f:1:106: error: m
    1 | …12345678901234567890123456789…
      |           ^
`},
		{"long, behind the end", 40, long, [][2]int{{1, 206}}, `
f:1:206: error: m
    1 | …12345678901234567890123456789
      |                               ^
`},
		{"long, far apart", 40, long, [][2]int{{1, 1}, {1, 150}}, `
f:1:1: error: m
f:1:150: error: m
    1 | Exec=012345678901234567890123…
      | ^
    1 | …56789012345678901234567890123…
      |           ^
`},
		{"as long as there is room", 40, strings.Repeat("x", 32), [][2]int{{1, 32}}, `
f:1:32: error: m
    1 | xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      |                                ^
`},
		{"no such line", 80, "a", [][2]int{{9, 1}}, "\nf:9:1: error: m\n"},
		{"no line at all", 80, "a", [][2]int{{0, 0}, {0, 0}}, "\nf: error: m\nf: error: m\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want[1:], show(c.width, c.text, c.at...)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestHintsFilesAndColors(t *testing.T) {
	texts := map[string]string{"a": "x=1\n", "a.d/b.conf": "y=2\n"}
	var ds parser.Diags
	ds.Errorf(parser.Pos{File: "a", Line: 1, Col: 3}, "bad\x1b[2J").Hintf("good")
	ds.Warnf(parser.Pos{File: "a.d/b.conf", Line: 1, Col: 1}, "meh")
	ds.Warnf(parser.Pos{File: "a"}, "a is not generated")
	var b strings.Builder
	Printer{Read: func(f string) []byte { return []byte(texts[f]) }, Width: 80, Color: true}.Print(&b, ds)
	want := "\x1b[1ma:1:3:\x1b[0m \x1b[1;31merror:\x1b[0m bad\\x1b[2J\n" +
		"\x1b[2m  hint:\x1b[0m good\n" +
		"\x1b[2m    1 | \x1b[0mx=1\n\x1b[2m      | \x1b[0m  \x1b[1;31m^\x1b[0m\n" +
		"\x1b[1ma.d/b.conf:1:1:\x1b[0m \x1b[1;33mwarning:\x1b[0m meh\n" +
		"\x1b[2m    1 | \x1b[0my=2\n\x1b[2m      | \x1b[0m\x1b[1;33m^\x1b[0m\n" +
		"\x1b[1ma:\x1b[0m \x1b[1;33mwarning:\x1b[0m a is not generated\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		errors, warnings int
		want             string
	}{{0, 0, ""}, {1, 0, "1 error"}, {0, 2, "2 warnings"}, {2, 1, "2 errors, 1 warning"}} {
		var ds parser.Diags
		for range c.errors {
			ds.Errorf(parser.Pos{}, "")
		}
		for range c.warnings {
			ds.Warnf(parser.Pos{}, "")
		}
		if got := Summary(ds); got != c.want {
			t.Errorf("%d, %d: %q, want %q", c.errors, c.warnings, got, c.want)
		}
	}
}

// Whatever stands in a file: nothing reaches the terminal that it would act upon, no line is longer than it, and every
// message has its caret below the character that it names.
func FuzzPrint(f *testing.F) {
	f.Add("Exec=a\x1b[2J\t日本e\u0301", 9, 40)
	f.Add("\xff\xfe\u202e\u200d", 2, 20)
	f.Add(strings.Repeat("宽", 100), 60, 33)
	f.Add("\u0301\u0301a", 2, 30)
	f.Fuzz(func(t *testing.T, text string, col, width int) {
		text, _, _ = strings.Cut(text, "\n")
		text = strings.TrimRight(text, " \t\r")
		width = 30 + (width%100+100)%100
		col = 1 + (col%(len(text)+1)+len(text)+1)%(len(text)+1)
		out := show(width, text, [2]int{1, col})
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if len(lines) != 3 {
			t.Fatalf("%q", out)
		}
		for _, l := range lines {
			if strings.ContainsFunc(l, unicode.IsControl) || layOut(l).width() > width {
				t.Errorf("%d columns: %q", width, l)
			}
		}
		shown, caret := []rune(lines[1]), strings.IndexByte(lines[2], '^')
		want := layOut(strings.TrimPrefix(text, "\ufeff"))
		if col > len(want) || want[col-1].width == 0 {
			return
		}
		first := []rune(want[col-1].text)[0]
		for i, c := range shown {
			if columns(string(shown[:i])) == caret && (c == first || first == ' ') {
				return
			}
		}
		t.Errorf("caret at column %d, not below %q: %q", caret, want[col-1].text, lines[1])
	})
}
