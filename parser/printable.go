package parser

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable escapes what a terminal would act upon and a journal would hide: control and formatting characters, and bytes
// that are no UTF-8. A message may hold anything that stands in a file.
func Printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, unprintable) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		text, size := PrintableRune(s)
		b.WriteString(text)
		s = s[size:]
	}
	return b.String()
}

// PrintableRune is Printable for the first character of s, which is size bytes long.
func PrintableRune(s string) (text string, size int) {
	c, size := utf8.DecodeRuneInString(s)
	switch {
	case c == utf8.RuneError && size == 1:
		return fmt.Sprintf(`\x%02x`, s[0]), size
	case c == '\t':
		return `\t`, size
	case c == '\n':
		return `\n`, size
	case c == '\r':
		return `\r`, size
	case !unprintable(c):
		return s[:size], size
	case c <= 0x7f:
		return fmt.Sprintf(`\x%02x`, c), size
	case c <= 0xffff:
		return fmt.Sprintf(`\u%04x`, c), size
	}
	return fmt.Sprintf(`\U%08x`, c), size
}

// unprintable: marks combine with what they follow, and are fine; formatting characters (Cf) can turn the order of the
// text round.
func unprintable(c rune) bool {
	return c != ' ' && !unicode.IsGraphic(c) || unicode.In(c, unicode.Zl, unicode.Zp)
}
