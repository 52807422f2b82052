package convert

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"podman-ondemand/parser"
)

// document is the text of an application file, section by section. Lines keep
// the order in which they come.
type document struct {
	head     []string
	sections []section // in the order of parser.Sections
	notes    int
}

type section struct {
	name  string
	lead  []string // comments in front of the header
	lines []string
	keys  int
}

func newDocument() *document {
	d := &document{sections: make([]section, len(parser.Sections))}
	for i, name := range parser.Sections {
		d.sections[i].name = name
	}
	return d
}

// section finds a section; one that is not known gets its place at the end.
func (d *document) section(name string) *section {
	for i := range d.sections {
		if d.sections[i].name == name {
			return &d.sections[i]
		}
	}
	d.sections = append(d.sections, section{name: name})
	return &d.sections[len(d.sections)-1]
}

// set adds an assignment.
func (d *document) set(section, key, value string) {
	s := d.section(section)
	s.lines = append(s.lines, key+"="+value)
	s.keys++
}

// keep adds lines of a source as they are.
func (d *document) keep(section string, keys int, lines ...string) {
	s := d.section(section)
	s.lines = append(s.lines, lines...)
	s.keys += keys
}

// comment adds a note to a section.
func (d *document) comment(section, format string, args ...any) {
	s := d.section(section)
	s.lines = append(s.lines, wrap(fmt.Sprintf(format, args...))...)
	d.notes++
}

// headline adds a note to the top of the file.
func (d *document) headline(format string, args ...any) {
	d.head = append(d.head, wrap(fmt.Sprintf(format, args...))...)
	d.notes++
}

// columns is how long the lines of a comment are at the most, if their words
// allow it.
const columns = 79

// wrap makes comment lines of a text. It may not add a line to the file that is
// none, whatever the text is.
func wrap(text string) []string {
	var lines []string
	line := "#"
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	for _, word := range strings.Fields(text) {
		if len(line) > 1 && len(line)+1+len(word) > columns {
			lines, line = append(lines, line), "#"
		}
		line += " " + word
	}
	return append(lines, line)
}

func (d *document) empty() bool {
	for _, s := range d.sections {
		if s.keys > 0 {
			return false
		}
	}
	return true
}

// text writes the sections that have something in them, with an empty line
// between two. Notes of a section without keys come to the top.
func (d *document) text() string {
	var parts [][]string
	head := d.head
	for _, s := range d.sections {
		if s.keys == 0 {
			head = append(head, s.lines...)
			continue
		}
		part := append(append([]string{}, s.lead...), "["+s.name+"]")
		parts = append(parts, append(part, trimBlank(s.lines)...))
	}
	if head = trimBlank(head); len(head) > 0 {
		parts = append([][]string{head}, parts...)
	}
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteByte('\n')
		}
		for _, line := range part {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// trimBlank drops empty lines at both ends.
func trimBlank(lines []string) []string {
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
