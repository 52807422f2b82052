package parser

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Word is one word of a value, without its quotes and with its escapes decoded.
type Word struct {
	Text string

	entry *Entry
	off   int // of the word in the entry's value
}

// Key is the key that the word was given to.
func (w Word) Key() string { return w.entry.Key }

// Pos is the place where the word starts.
func (w Word) Pos() Pos { return w.PosAt(0) }

// PosAt is the place of byte off of a word that has neither quotes nor escapes.
func (w Word) PosAt(off int) Pos { return w.entry.ValuePos(w.off + off) }

// Escapes says what a backslash means to Words.
type Escapes int

// The two ways in which podman's Quadlet splits values.
const (
	// LiteralBackslash keeps backslashes as they are.
	LiteralBackslash Escapes = iota
	// CEscapes decodes the escapes of systemd.syntax(7), section "Quoting".
	CEscapes
)

// Words splits the value of e at white space, as systemd's
// extract_first_word() does: quotes may open and close anywhere in a word, and
// "" is an empty word.
//
// A quote that is not closed is an error at the quote; with CEscapes, where
// Quadlet lets it pass, it is a warning and ends with the value. An escape that
// does not exist stays as it was written, as systemd does it; the first one of
// a value is a warning.
func (e *Entry) Words(esc Escapes) ([]Word, Diags) {
	s := splitter{entry: e, esc: esc}
	for s.skipBlanks(); s.off < len(e.Value); s.skipBlanks() {
		s.word()
	}
	return s.words, s.diags
}

type splitter struct {
	entry *Entry
	esc   Escapes
	off   int
	words []Word
	diags Diags
	bad   bool // an escape was
}

func (s *splitter) skipBlanks() {
	rest := s.entry.Value[s.off:]
	s.off += len(rest) - len(strings.TrimLeft(rest, blanks))
}

// word reads one word that starts at s.off.
func (s *splitter) word() {
	var b strings.Builder
	start, quote, quoteAt := s.off, byte(0), 0
	for s.off < len(s.entry.Value) {
		c := s.entry.Value[s.off]
		switch {
		case quote == 0 && strings.IndexByte(blanks, c) >= 0:
			s.add(b.String(), start)
			return
		case c == '\\' && s.esc == CEscapes:
			s.escape(&b)
			continue
		case quote == 0 && (c == '"' || c == '\''):
			quote, quoteAt = c, s.off
		case quote != 0 && c == quote:
			quote = 0
		default:
			b.WriteByte(c)
		}
		s.off++
	}
	if quote != 0 {
		s.openQuote(quote, quoteAt)
	}
	s.add(b.String(), start)
}

func (s *splitter) openQuote(quote byte, off int) {
	pos := s.entry.ValuePos(off)
	if s.esc == CEscapes {
		s.diags.Warnf(pos, "quote %c is not closed, taken as closed at the end", quote).
			Hintf(`write \%c for the character itself`, quote)
		return
	}
	s.diags.Errorf(pos, "quote %c is not closed", quote).Hintf("close it, words with blanks stand between two")
}

func (s *splitter) add(text string, start int) {
	s.words = append(s.words, Word{text, s.entry, start})
}

// escape decodes the escape at s.off and moves behind it.
func (s *splitter) escape(b *strings.Builder) {
	rest := s.entry.Value[s.off+1:]
	text, size, err := unescape(rest)
	if err != nil && !s.bad {
		s.bad = true
		s.diags.Warnf(s.entry.ValuePos(s.off), "%v, the backslash is kept", err).
			Hintf(`write \\ for a backslash`)
	}
	if err != nil {
		text, size = `\`, 0
	}
	b.WriteString(text)
	s.off += 1 + size
}

// simpleEscapes is read in pairs: the letter after the backslash, its meaning.
const simpleEscapes = "a\ab\bf\fn\nr\rt\tv\v\\\\\"\"''s "

// unescape decodes what follows a backslash and says how many bytes that took
// (cunescape_one() in systemd's escape.c). \x and octal make a byte, \u and \U
// a character.
func unescape(s string) (text string, size int, err error) {
	if s == "" {
		return "", 0, fmt.Errorf("nothing follows the backslash")
	}
	for i := 0; i < len(simpleEscapes); i += 2 {
		if s[0] == simpleEscapes[i] {
			return simpleEscapes[i+1 : i+2], 1, nil
		}
	}
	switch s[0] {
	case 'x':
		return number(s, 1, 2, 16)
	case 'u':
		return number(s, 1, 4, 16)
	case 'U':
		return number(s, 1, 8, 16)
	case '0', '1', '2', '3', '4', '5', '6', '7':
		return number(s, 0, 3, 8)
	}
	_, n := utf8.DecodeRuneInString(s)
	return "", 0, fmt.Errorf("unknown escape \\%s", s[:n])
}

// number decodes digits of the given base at s[from:from+digits]. Two hex or
// three octal digits are a byte, more are a character.
func number(s string, from, digits int, base uint32) (string, int, error) {
	if len(s) < from+digits {
		return "", 0, fmt.Errorf("escape \\%s is too short", s)
	}
	all := s[:from+digits]
	var v uint32
	for _, c := range []byte(all[from:]) {
		d := strings.IndexByte("0123456789abcdef0123456789ABCDEF", c) // -1 or twice 16 digits
		if d < 0 || uint32(d%16) >= base {
			return "", 0, fmt.Errorf("bad digit in escape \\%s", all)
		}
		v = v*base + uint32(d%16)
	}
	switch {
	case v == 0:
		return "", 0, fmt.Errorf("escape \\%s is a NUL", all)
	case digits <= 3 && v <= 0xff:
		return string([]byte{byte(v)}), len(all), nil
	case digits <= 3 || !utf8.ValidRune(rune(v)):
		return "", 0, fmt.Errorf("escape \\%s is no character", all)
	}
	return string(rune(v)), len(all), nil
}
