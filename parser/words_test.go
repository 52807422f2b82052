package parser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// split reads value as the value of a key at line 1 and writes the words with
// their columns, counted in the value.
func split(value string, esc Escapes) (string, string) {
	e := Entry{Key: "K", Value: value, Pos: Pos{"f", 1, 1}, pieces: []piece{{0, 1, 1}}}
	ws, ds := e.Words(esc)
	var out []string
	for _, w := range ws {
		out = append(out, fmt.Sprintf("%d%q", w.Pos().Col, w.Text))
	}
	return strings.Join(out, " "), ds.String()
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		value      string
		esc        Escapes
		want, diag string
	}{
		{"", CEscapes, "", ""},
		{"a  b\tc", CEscapes, `1"a" 4"b" 6"c"`, ""},
		{`"a b" 'c d'`, CEscapes, `1"a b" 7"c d"`, ""},
		{`a"b c"d`, CEscapes, `1"ab cd"`, ""},
		{`"" '' x`, CEscapes, `1"" 4"" 7"x"`, ""},
		{`"it's" 'say "x"'`, CEscapes, `1"it's" 8"say \"x\""`, ""},
		{`\a\b\f\n\r\t\v\\\"\'\s`, CEscapes, `1"\a\b\f\n\r\t\v\\\"' "`, ""},
		{`\x41\101\u00e4\U0001F600`, CEscapes, `1"AAä😀"`, ""},
		{`\303\251`, CEscapes, `1"é"`, ""},
		{`"a\"b"`, CEscapes, `1"a\"b"`, ""},
		{`a\ b`, CEscapes, `1"a\\" 4"b"`, `f:1:2: warning: unknown escape \ , the backslash is kept (write \\ for a backslash)` + "\n"},
		{`\q`, CEscapes, `1"\\q"`, `f:1:1: warning: unknown escape \q, the backslash is kept (write \\ for a backslash)` + "\n"},
		{`\x4`, CEscapes, `1"\\x4"`, `f:1:1: warning: escape \x4 is too short, the backslash is kept (write \\ for a backslash)` + "\n"},
		{`\x00`, CEscapes, `1"\\x00"`, `f:1:1: warning: escape \x00 is a NUL, the backslash is kept (write \\ for a backslash)` + "\n"},
		{`\xzz`, CEscapes, `1"\\xzz"`, `f:1:1: warning: bad digit in escape \xzz, the backslash is kept (write \\ for a backslash)` + "\n"},
		{`\777`, CEscapes, `1"\\777"`, `f:1:1: warning: escape \777 is no character, the backslash is kept (write \\ for a backslash)` + "\n"},
		{`\ud800`, CEscapes, `1"\\ud800"`, `f:1:1: warning: escape \ud800 is no character, the backslash is kept (write \\ for a backslash)` + "\n"},
		{`a\`, CEscapes, `1"a\\"`, `f:1:2: warning: nothing follows the backslash, the backslash is kept (write \\ for a backslash)` + "\n"},
		{`a "b c`, CEscapes, `1"a" 3"b c"`, `f:1:3: warning: quote " is not closed, taken as closed at the end (write \" for the character itself)` + "\n"},
		{`a 'b c`, LiteralBackslash, `1"a" 3"b c"`, `f:1:3: error: quote ' is not closed (close it, words with blanks stand between two)` + "\n"},
		{`a\tb "c\"`, LiteralBackslash, `1"a\\tb" 6"c\\"`, ""},
	} {
		t.Run(c.value, func(t *testing.T) {
			got, diag := split(c.value, c.esc)
			if diff := cmp.Diff([]string{c.want, c.diag}, []string{got, diag}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
