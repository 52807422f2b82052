// Package snippet shows messages to a person at a terminal: each with the line that it is about and a caret below the place.
package snippet

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"podman-ondemand/parser"
)

// Printer shows messages.
type Printer struct {
	// Read gives the text of a file that a message names, nil where there is none.
	Read func(file string) []byte
	// Width is how many columns the terminal has.
	Width int
	// Color is whether it shows colours.
	Color bool
}

// Print shows messages in their order. Those of one line stand together, above the line.
func (p Printer) Print(w io.Writer, ds parser.Diags) {
	texts := map[string][]string{}
	for len(ds) > 0 {
		n := 1
		for n < len(ds) && ds[0].Pos.Line > 0 && sameLine(ds[0].Pos, ds[n].Pos) {
			n++
		}
		p.group(w, ds[:n], texts)
		ds = ds[n:]
	}
}

func sameLine(a, b parser.Pos) bool { return a.File == b.File && a.Line == b.Line }

// group shows the messages of one line, and the line.
func (p Printer) group(w io.Writer, ds parser.Diags, texts map[string][]string) {
	for _, d := range ds {
		fmt.Fprintf(w, "%s %s %s\n", p.style(bold, parser.Printable(d.Pos.String())+":"),
			p.style(severity(d), d.Severity.String()+":"), parser.Printable(d.Text))
		if d.Hint != "" {
			fmt.Fprintf(w, "%s %s\n", p.style(faint, "  hint:"), parser.Printable(d.Hint))
		}
	}
	pos := ds[0].Pos
	if text, ok := p.line(pos, texts); ok {
		p.excerpts(w, pos.Line, layOut(text), ds)
	}
}

// line finds the text of a line.
func (p Printer) line(pos parser.Pos, texts map[string][]string) (string, bool) {
	if pos.Line == 0 {
		return "", false
	}
	lines, ok := texts[pos.File]
	if !ok {
		lines = strings.Split(string(bytes.TrimPrefix(p.Read(pos.File), []byte("\ufeff"))), "\n")
		texts[pos.File] = lines
	}
	if pos.Line > len(lines) {
		return "", false
	}
	return lines[pos.Line-1], true
}

// excerpts shows a line with carets, in several parts where the places are too far from each other for the terminal.
func (p Printer) excerpts(w io.Writer, number int, l line, ds parser.Diags) {
	gutter := fmt.Sprintf("%5d | ", number)
	room := max(p.Width-len(gutter), 20)
	marks := p.marks(l, ds)
	for len(marks) > 0 {
		n := len(marks)
		for n > 1 && l.width() > room && marks[n-1].column-marks[0].column > room/2 {
			n--
		}
		p.excerpt(w, gutter, room, l, marks[:n])
		marks = marks[n:]
	}
}

// mark is a caret: a column of the line, and how bad what is there is.
type mark struct {
	column int
	style  string
}

// marks are the carets of messages, from left to right, one for each column.
func (p Printer) marks(l line, ds parser.Diags) []mark {
	var marks []mark
	for _, d := range ds {
		if d.Pos.Col > 0 {
			marks = append(marks, mark{l.column(d.Pos.Col), severity(d)})
		}
	}
	slices.SortStableFunc(marks, func(a, b mark) int { return a.column - b.column })
	return slices.CompactFunc(marks, func(a, b mark) bool { return a.column == b.column })
}

// excerpt shows as much of a line as there is room for, round the carets.
func (p Printer) excerpt(w io.Writer, gutter string, room int, l line, marks []mark) {
	from, to := window(l.width(), room, marks[0].column, marks[len(marks)-1].column)
	text, start := l.part(from, to)
	shift := -start
	if from > 0 {
		text, shift = "…"+text, shift+1
	}
	if to < l.width() {
		text += "…"
	}
	fmt.Fprintf(w, "%s%s\n", p.style(faint, gutter), text)
	fmt.Fprint(w, p.style(faint, strings.Repeat(" ", len(gutter)-2)+"| "))
	at := 0
	for _, m := range marks {
		fmt.Fprint(w, strings.Repeat(" ", max(m.column+shift-at, 0)), p.style(m.style, "^"))
		at = m.column + shift + 1
	}
	fmt.Fprintln(w)
}

// window chooses the columns to show of a line that has width of them: all, or a part with both places in it, which leaves
// room for a dot line at each end.
func window(width, room, first, last int) (from, to int) {
	if width < room || width == room && last < width {
		return 0, width
	}
	room -= 3 // the dots, and a caret behind the end
	from = max(0, first-(room-(last-first))/3)
	if from+room > width {
		from = max(0, width-room)
	}
	return from, min(width, from+room)
}

// Summary counts: "2 errors, 1 warning", "" if there is nothing.
func Summary(ds parser.Diags) string {
	var parts []string
	errors := ds.Errors()
	for _, c := range []struct {
		n    int
		word string
	}{{errors, "error"}, {len(ds) - errors, "warning"}} {
		switch {
		case c.n == 1:
			parts = append(parts, "1 "+c.word)
		case c.n > 1:
			parts = append(parts, strconv.Itoa(c.n)+" "+c.word+"s")
		}
	}
	return strings.Join(parts, ", ")
}

// The styles, as a terminal takes them (ECMA-48, "Select Graphic Rendition").
const (
	bold   = "1"
	faint  = "2"
	red    = "1;31"
	yellow = "1;33"
)

func severity(d parser.Diag) string {
	if d.Severity == parser.Error {
		return red
	}
	return yellow
}

func (p Printer) style(style, text string) string {
	if !p.Color {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}
