package snippet

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"

	"podman-ondemand/parser"
)

// tabStop is where terminals have their tab stops, in columns.
const tabStop = 8

// cell is one character of a line as a terminal shows it.
type cell struct {
	text  string
	start int // its first column of the terminal, from 0
	width int // how many columns it takes; 0 for a mark over what is before it
}

// line is a line of a file as a terminal shows it.
type line []cell

// layOut shows a line of text, without what ends it.
func layOut(text string) line {
	text = strings.TrimRight(text, " \t\r")
	var l line
	for len(text) > 0 {
		c := cell{start: l.width()}
		size := 1
		if text[0] == '\t' {
			c.width = tabStop - c.start%tabStop
			c.text = strings.Repeat(" ", c.width)
		} else {
			c.text, size = parser.PrintableRune(text)
			c.width = columns(c.text)
		}
		l = append(l, c)
		text = text[size:]
	}
	return l
}

func (l line) width() int {
	if len(l) == 0 {
		return 0
	}
	last := l[len(l)-1]
	return last.start + last.width
}

// column is where the character with that number, from 1, starts. Beyond the end it is the column after the last one; a
// mark is where the character is that it belongs to.
func (l line) column(col int) int {
	i := max(col, 1) - 1
	if i >= len(l) {
		return l.width()
	}
	for i > 0 && l[i].width == 0 {
		i--
	}
	return l[i].start
}

// part is what fits between two columns, with the column at which it starts.
func (l line) part(from, to int) (text string, start int) {
	start = -1
	var b strings.Builder
	for _, c := range l {
		if c.start < from || c.start+c.width > to || start < 0 && c.width == 0 {
			continue
		}
		if start < 0 {
			start = c.start
		}
		b.WriteString(c.text)
	}
	return b.String(), max(start, 0)
}

// columns counts those of a text without tabs: East Asian wide characters and emoji take two, combining marks none
// (Unicode Standard Annex #11).
func columns(text string) int {
	n := 0
	for _, c := range text {
		switch {
		case c < utf8.RuneSelf:
			n++
		case unicode.In(c, unicode.Mn, unicode.Me):
		default:
			n += runeColumns(c)
		}
	}
	return n
}

func runeColumns(c rune) int {
	switch width.LookupRune(c).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
