package mangen

import (
	"fmt"
	"strings"
)

// width is where lines of the page's source end: mandoc(1) wants at most 80.
const width = 78

// roff writes man(7), as both groff and mandoc read it.
type roff struct {
	strings.Builder
	// fresh says that the macro before starts a paragraph already.
	fresh bool
}

func (r *roff) line(format string, args ...any) { fmt.Fprintf(r, format+"\n", args...) }

// item writes blocks; in says that they stand under a term.
func (r *roff) item(all item, in bool) {
	for _, b := range all {
		r.block(b, in)
	}
}

func (r *roff) block(b block, in bool) {
	switch b.kind {
	case heading, subheading:
		macro := map[blockKind]string{heading: ".SH", subheading: ".SS"}[b.kind]
		r.line("%s %s", macro, inline(b.text))
		r.fresh = true
		return
	case paragraph:
		r.begin(in)
		r.text(inline(b.text))
	case verbatim:
		r.nested(in, func() { r.verbatim(b.text) })
	case definition:
		r.nested(in, func() {
			r.term(b.text)
			r.fresh = true
			r.item(b.body[0], true)
		})
	case bullets:
		r.nested(in, func() {
			for _, i := range b.body {
				r.line(`.IP \(bu 2`)
				r.fresh = true
				r.item(i, true)
			}
		})
	}
	r.fresh = false
}

// term writes what is defined: a line, or one for each word of a long list.
func (r *roff) term(text string) {
	macro := ".TP"
	if len(inline(text)) > width {
		for before, rest, more := strings.Cut(text, ", "); more; before, rest, more = strings.Cut(rest, ", ") {
			r.line("%s\n%s,", macro, guard(inline(before)))
			macro, text = ".TQ", rest
		}
	}
	r.line("%s\n%s", macro, guard(inline(text)))
}

// begin starts a paragraph.
func (r *roff) begin(in bool) {
	switch {
	case r.fresh:
	case in:
		r.line(".IP")
	default:
		r.line(".PP")
	}
}

// nested moves what write writes below a term to the right.
func (r *roff) nested(in bool, write func()) {
	if !in {
		write()
		return
	}
	r.line(".RS")
	write()
	r.line(".RE")
}

func (r *roff) verbatim(text string) {
	r.line(".sp\n.RS 4\n.EX")
	for line := range strings.SplitSeq(text, "\n") {
		r.line("%s", guard(literal(line)))
	}
	r.line(".EE\n.RE")
}

// text writes words in lines. Each sentence begins a line, so that roff sets
// them all apart in the same way.
func (r *roff) text(s string) {
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && (len(line)+1+len(word) > width || endsSentence(line)) {
			r.line("%s", guard(line))
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	r.line("%s", guard(line))
}

func endsSentence(line string) bool {
	return strings.ContainsAny(line[len(line)-1:], ".?!") || strings.HasSuffix(line, ".)")
}

// guard keeps a line of text from being read as a request.
func guard(line string) string {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}

// inline reads `code`, **bold** and *italic*; a backslash takes its meaning from
// the character after it.
func inline(s string) string {
	var out strings.Builder
	for len(s) > 0 {
		mark, font := fontMark(s)
		end := strings.Index(s[len(mark):], mark)
		switch {
		case strings.HasPrefix(s, `\`) && len(s) > 1:
			out.WriteString(plain(s[1:2]))
			s = s[2:]
		case mark != "" && end > 0:
			inner := s[len(mark) : len(mark)+end]
			out.WriteString(font + literal(inner) + `\fR`)
			s = s[2*len(mark)+end:]
		default:
			n := strings.IndexAny(s[1:], "`*\\") + 1
			if n == 0 {
				n = len(s)
			}
			out.WriteString(plain(s[:n]))
			s = s[n:]
		}
	}
	return out.String()
}

// fontMark is the mark that s begins with, and the font that it asks for.
func fontMark(s string) (mark, font string) {
	for _, m := range []struct{ mark, font string }{{"`", `\fB`}, {"**", `\fB`}, {"*", `\fI`}} {
		if strings.HasPrefix(s, m.mark) {
			return m.mark, m.font
		}
	}
	return "", ""
}

var (
	// What a person may want to copy must not become typography.
	literalEscapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`)
	plainEscapes   = strings.NewReplacer(`\`, `\e`, "^", `\(ha`, "~", `\(ti`)
)

func literal(s string) string { return ascii(literalEscapes.Replace(s)) }
func plain(s string) string   { return ascii(plainEscapes.Replace(s)) }

// ascii names all other characters, so that no converter has to know their
// encoding.
func ascii(s string) string {
	var out strings.Builder
	for _, c := range s {
		if c < 0x80 {
			out.WriteRune(c)
		} else {
			fmt.Fprintf(&out, `\[u%04X]`, c)
		}
	}
	return out.String()
}
