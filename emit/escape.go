package emit

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Value is text that stands behind a "=" of a unit file as it is. Only the
// functions of this file make one, each for one kind of input; nothing is
// escaped anywhere else.
type Value string

// Text makes the value of a text that means only itself: "%" is doubled, so
// that it is no specifier (systemd.unit(5), "Specifiers").
func Text(s string) Value { return Value(noSpecifier(s)) }

// Path makes the value of a setting that takes a path and knows no specifiers.
func Path(s string) Value { return Value(s) }

// Passed makes the value of what a person wrote for systemd: specifiers and
// quotes keep their meaning.
func Passed(s string) Value { return Value(s) }

// Words joins values with blanks, for settings that take a list.
func Words(vs ...Value) Value {
	words := make([]string, len(vs))
	for i, v := range vs {
		words[i] = string(v)
	}
	return Value(strings.Join(words, " "))
}

// Exec makes a command line (systemd.service(5), "Command lines").
func Exec(args ...Arg) Value {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = string(a)
	}
	return Value(strings.Join(words, " "))
}

// Arg is one word of a command line, quoted as systemd needs it.
type Arg string

// Literal makes a word that means only itself: no specifiers, no variables.
func Literal(s string) Arg {
	return quote(strings.ReplaceAll(noSpecifier(s), "$", "$$"))
}

// Literals makes words that mean only themselves.
func Literals(words ...string) []Arg { return each(words, Literal) }

// Written makes a word that a person wrote for systemd: %h and ${NAME} are
// expanded when the unit starts, as with Quadlet.
func Written(s string) Arg { return quote(s) }

func each(words []string, escape func(string) Arg) []Arg {
	args := make([]Arg, len(words))
	for i, w := range words {
		args[i] = escape(w)
	}
	return args
}

func noSpecifier(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// quote puts quotes round a word where systemd would otherwise split it, drop
// it, or take it for the end of a command.
func quote(s string) Arg {
	if s != "" && s != ";" && !strings.ContainsFunc(s, special) {
		return Arg(s)
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); {
		c, size := utf8.DecodeRuneInString(s[i:])
		if c == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[i]) // systemd takes lines of valid UTF-8 only
		} else {
			b.WriteString(quoted(c))
		}
		i += size
	}
	b.WriteByte('"')
	return Arg(b.String())
}

func special(c rune) bool {
	return c <= ' ' || c == 0x7f || c == '"' || c == '\'' || c == '\\' || c == utf8.RuneError
}

func quoted(c rune) string {
	switch {
	case c == '"' || c == '\\':
		return `\` + string(c)
	case c == '\n':
		return `\n`
	case c == '\t':
		return `\t`
	case c < ' ' && c != 0 || c == 0x7f: // a NUL stays, for the printer to refuse
		return fmt.Sprintf(`\x%02x`, c)
	}
	return string(c)
}
