package parser

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	blanks   = " \t\r\n" // WHITESPACE in systemd's string-util.h
	comments = "#;"      // COMMENTS in systemd's conf-parser.h
	bom      = "\ufeff"
)

// Parse reads the text of a unit file as systemd reads it: systemd.syntax(7)
// and config_parse() in its conf-parser.c. In one thing it is kinder: a
// backslash continues a line even with blanks behind it.
//
// Every problem of the text is in the Diags; what can be read is in the File.
func Parse(name string, data []byte) (*File, Diags) {
	r := reader{file: &File{Name: name}}
	for i, line := range lines(data) {
		r.line(i+1, line)
	}
	r.flush()
	return r.file, r.diags
}

func lines(data []byte) []string {
	data = bytes.TrimPrefix(data, []byte(bom))
	return strings.Split(string(data), "\n")
}

// reader joins continued lines and reads one logical line after the other.
type reader struct {
	file  *File
	diags Diags

	text    strings.Builder // the logical line so far
	pieces  []piece
	outside bool // an assignment stood outside of a section
}

func (r *reader) line(number int, line string) {
	indent := len(line) - len(strings.TrimLeft(line, blanks))
	if indent < len(line) && strings.IndexByte(comments, line[indent]) >= 0 {
		return // also between continued lines
	}
	body, start, joint := strings.TrimRight(line, blanks), 0, " "
	if r.joinsLikeQuadlet() {
		start, joint = min(indent, len(body)), ""
	}
	r.pieces = append(r.pieces, piece{r.text.Len(), number, start + 1})
	if continues(body) {
		r.text.WriteString(body[start:len(body)-1] + joint)
		return
	}
	r.text.WriteString(body[start:])
	r.flush()
}

// joinsLikeQuadlet says whether the line stands in a section that systemd does
// not read.
func (r *reader) joinsLikeQuadlet() bool {
	if len(r.file.Sections) == 0 {
		return false
	}
	name := r.file.Sections[len(r.file.Sections)-1].Name
	return !PassedThrough(name) && name != SectionInstall
}

// continues says whether line ends in a backslash that is not itself escaped.
func continues(line string) bool {
	n := len(line) - len(strings.TrimRight(line, `\`))
	return n%2 == 1
}

// flush ends the logical line, at the end of the file too: what stands before
// a last stray backslash is not lost.
func (r *reader) flush() {
	l := logical{r.file.Name, r.text.String(), r.pieces}
	r.text.Reset()
	r.pieces = nil
	if strings.Trim(l.text, blanks) != "" {
		r.logical(l)
	}
}

// logical is a line with its continuations joined.
type logical struct {
	file   string
	text   string
	pieces []piece
}

func (l logical) pos(off int) Pos { return at(l.file, l.pieces, l.text, off) }

// trim returns the bounds of l.text[from:to] without blanks at both ends.
func (l logical) trim(from, to int) (int, int) {
	s := l.text[from:to]
	from += len(s) - len(strings.TrimLeft(s, blanks))
	to -= len(s) - len(strings.TrimRight(s, blanks))
	return from, max(from, to)
}

func (r *reader) logical(l logical) {
	start, end := l.trim(0, len(l.text))
	switch bad := badByte(l.text); {
	case bad >= 0 && l.text[bad] == 0:
		r.diags.Errorf(l.pos(bad), "NUL byte in the text, line ignored")
	case bad >= 0 && l.text[bad] == '\r':
		r.diags.Errorf(l.pos(bad), "carriage return within a line, line ignored").
			Hintf("lines end in a newline, or a carriage return and a newline")
	case bad >= 0:
		r.diags.Warnf(l.pos(bad), "not valid UTF-8, line ignored")
	case l.text[start] == '[':
		r.header(l, start, end)
	default:
		r.assignment(l, start, end)
	}
}

// badByte returns the offset of the first NUL, carriage return or invalid UTF-8
// in s, or -1.
func badByte(s string) int {
	for i, c := range s {
		if c == 0 || c == '\r' {
			return i
		}
		if c == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return -1
}

func (r *reader) header(l logical, start, end int) {
	s := Section{Pos: l.pos(start), Name: l.text[start+1 : end]}
	name, closed := strings.CutSuffix(s.Name, "]")
	s.Name = name
	switch {
	case !closed:
		s.Broken = !slices.Contains(Sections, name) // else it is clear what was meant
		r.diags.Errorf(s.Pos, "section header does not end in ']'").
			Hintf("a header stands alone on its line, like [Container]")
	case name == "" || strings.ContainsAny(name, "[]"):
		s.Broken = true
		r.diags.Errorf(s.Pos, "not a section name: %q", name)
	default:
		s.label()
	}
	r.file.Sections = append(r.file.Sections, s)
}

// label takes the header of a section apart that may have a label.
func (s *Section) label() {
	name, label, _ := strings.Cut(s.Name, " ")
	if label = strings.Trim(label, blanks); label != "" && slices.Contains(Labelled, name) {
		s.Name, s.Label = name, label
	}
}

func (r *reader) assignment(l logical, start, end int) {
	if len(r.file.Sections) == 0 {
		if !r.outside {
			r.diags.Warnf(l.pos(start), "assignment outside of a section, ignored with those that follow").
				Hintf("begin the file with [Container]")
		}
		r.outside = true
		return
	}
	eq := strings.IndexByte(l.text[start:end], '=')
	if eq < 0 {
		r.diags.Warnf(l.pos(start), "missing '=', line ignored").
			Hintf("write KEY=VALUE; a line that goes on in the next one ends in a backslash")
		return
	}
	if eq == 0 {
		r.diags.Warnf(l.pos(start), "missing key name before '=', line ignored")
		return
	}
	_, keyEnd := l.trim(start, start+eq)
	from, to := l.trim(start+eq+1, end)
	s := &r.file.Sections[len(r.file.Sections)-1]
	s.Entries = append(s.Entries, Entry{
		Key:    l.text[start:keyEnd],
		Value:  l.text[from:to],
		Pos:    l.pos(start),
		pieces: l.piecesFrom(from),
	})
}

// piecesFrom returns the pieces of l.text[from:].
func (l logical) piecesFrom(from int) []piece {
	first := l.pos(from)
	pieces := []piece{{0, first.Line, first.Col}}
	for _, p := range l.pieces {
		if p.off > from {
			pieces = append(pieces, piece{p.off - from, p.line, p.col})
		}
	}
	return pieces
}
