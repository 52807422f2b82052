package mangen

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoff(t *testing.T) {
	for _, c := range []struct{ name, markup, want string }{
		{"sections", "# NAME\n\na page\n\n# FILES\n## Sub\ntext", ".SH NAME\na page\n.SH FILES\n.SS Sub\ntext\n"},
		{"paragraphs", "# X\none\n\ntwo\nlines", ".SH X\none\n.PP\ntwo lines\n"},
		{"fonts", "# X\n`a-b` **c**(5) *d e*-f", ".SH X\n\\fBa\\-b\\fR \\fBc\\fR(5) \\fId e\\fR-f\n"},
		{"escapes", "# X\n\\*no\\* \\`x a~b ^ c\\\\d ü", ".SH X\n*no* `x a\\(tib \\(ha c\\ed \\[u00FC]\n"},
		{"no requests", "# X\n.TH\n\n```\n.PP\n'br\n```", ".SH X\n\\&.TH\n.sp\n.RS 4\n.EX\n\\&.PP\n\\(aqbr\n.EE\n.RE\n"},
		{"sentences", "# X\nA is. B is. C", ".SH X\nA is.\nB is.\nC\n"},
		{"definition", "# X\n`K=`\n:   first\n    line\n\n    second\n\n    ```\n    K=v\n    ```\n\n`L=`\n:   y",
			".SH X\n.TP\n\\fBK=\\fR\nfirst line\n.IP\nsecond\n.RS\n.sp\n.RS 4\n.EX\nK=v\n.EE\n.RE\n.RE\n.TP\n\\fBL=\\fR\ny\n"},
		{"bullets", "# X\n- a\n  b\n- c", ".SH X\n.IP \\(bu 2\na b\n.IP \\(bu 2\nc\n"},
		{"not closed", "# X\na ` b * c\n```\nx", ".SH X\na ` b * c\n.sp\n.RS 4\n.EX\nx\n.EE\n.RE\n"},
	} {
		var r roff
		r.item(parse(c.markup), false)
		if d := cmp.Diff(c.want, r.String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

// TestWidth: however long the words, no line of a source is longer than mandoc(1) wants it.
func TestWidth(t *testing.T) {
	var r roff
	r.item(parse(strings.Repeat("word `a-b-c-d`, ", 100)), false)
	for line := range strings.Lines(r.String()) {
		if len(line) > 81 {
			t.Errorf("%d bytes: %s", len(line), line)
		}
	}
}

func TestCommandText(t *testing.T) {
	for text, want := range map[string]string{
		"plain *text* with --option, and ~/a-b;": "plain \\*text\\* with `--option`, and `~/a-b`;",
		"a `tick`":                               "a \\`tick\\`",
	} {
		if got := marked(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestContinued(t *testing.T) {
	short := "podman-ondemand convert readme.txt"
	if got := continued(short); got != short {
		t.Error(got)
	}
	long := "podman-ondemand convert -o ~/.config/containers/systemd/ -- docker run --name a-long-name image"
	want := "podman-ondemand convert -o ~/.config/containers/systemd/ -- \\\n    docker run --name a-long-name image"
	if d := cmp.Diff(want, continued(long)); d != "" {
		t.Error(d)
	}
	if word := strings.Repeat("x", 70); continued("    "+word) != "    "+word {
		t.Error("a long word")
	}
}
