package parser

import "testing"

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain text, größer, 日本, e\u0301", "plain text, größer, 日本, e\u0301"},
		{"\x1b[31mred\x07", `\x1b[31mred\x07`},
		{"a\tb\r\nc\x00\x7f", `a\tb\r\nc\x00\x7f`},
		{"\u009b31m", `\u009b31m`}, // CSI in one character
		{"a\u202eb\u2066\u200d", `a\u202eb\u2066\u200d`},
		{"\u2028\U000e0001", `\u2028\U000e0001`},
		{"\xff\xc3", `\xff\xc3`},
		{"\ufffd", "\ufffd"},
	} {
		if got := Printable(c.in); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

func TestDiagStringIsPrintable(t *testing.T) {
	d := Diag{Pos: Pos{"a\x1b.ondemand", 1, 2}, Text: "b\nc", Hint: "d\x9b"}
	if got, want := d.String(), `a\x1b.ondemand:1:2: warning: b\nc (d\x9b)`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
