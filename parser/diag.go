package parser

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a source file. Line and Col count from 1, Col in
// characters. A Pos without a line stands for the file as a whole.
type Pos struct {
	File      string
	Line, Col int
}

// String returns "file:line:col", "file:line" or "file", as far as known.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

func (p Pos) compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
}

// Severity says what a Diag costs: a warning lets the application be
// generated, an error does not.
type Severity int

// The severities, in the words that a message uses for them.
const (
	Warning Severity = iota
	Error
)

func (s Severity) String() string {
	if s == Error {
		return "error"
	}
	return "warning"
}

// Diag is one thing that is wrong with a source file. Hint, where there is
// one, is the right form or the next step.
type Diag struct {
	Pos      Pos
	Severity Severity
	Text     string
	Hint     string
}

// String returns the message as one line, without a newline, fit for a terminal
// (Printable).
func (d Diag) String() string {
	s := d.Pos.String() + ": " + d.Severity.String() + ": " + d.Text
	if d.Hint != "" {
		s += " (" + d.Hint + ")"
	}
	return Printable(s)
}

// Diags collects what is wrong, in any order; Sort puts it in the order of the
// files' text.
type Diags []Diag

// Errorf adds an error at pos.
func (ds *Diags) Errorf(pos Pos, format string, args ...any) *Diag {
	return ds.add(Diag{Pos: pos, Severity: Error, Text: fmt.Sprintf(format, args...)})
}

// Warnf adds a warning at pos.
func (ds *Diags) Warnf(pos Pos, format string, args ...any) *Diag {
	return ds.add(Diag{Pos: pos, Severity: Warning, Text: fmt.Sprintf(format, args...)})
}

func (ds *Diags) add(d Diag) *Diag {
	*ds = append(*ds, d)
	return &(*ds)[len(*ds)-1]
}

// Hintf gives a message the right form or the next step.
func (d *Diag) Hintf(format string, args ...any) {
	d.Hint = fmt.Sprintf(format, args...)
}

// HasErrors says whether anything in ds stops an application.
func (ds Diags) HasErrors() bool { return ds.Errors() > 0 }

// Errors counts the errors.
func (ds Diags) Errors() int {
	n := 0
	for _, d := range ds {
		if d.Severity == Error {
			n++
		}
	}
	return n
}

// Sort orders ds by place and keeps what came first at one place first.
func (ds Diags) Sort() {
	slices.SortStableFunc(ds, func(a, b Diag) int { return a.Pos.compare(b.Pos) })
}

// String returns one line a message, each with a newline at its end.
func (ds Diags) String() string {
	var b strings.Builder
	for _, d := range ds {
		b.WriteString(d.String())
		b.WriteByte('\n')
	}
	return b.String()
}
