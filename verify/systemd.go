package verify

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/generator"
	"podman-ondemand/parser"
)

// systemd adds what systemd-analyze says of the units, at the lines of the files that it comes from.
func (c *checker) systemd(r generator.Result) {
	if c.Analyze == nil {
		return
	}
	lines, err := c.Analyze(c.ctx, r)
	if err != nil {
		c.diags.Warnf(parser.Pos{File: "systemd-analyze"}, "%v: systemd was not asked about the units", err)
		return
	}
	owners := ownersOf(r)
	for _, line := range lines {
		if o, number, said, ok := ownerOf(owners, line); ok {
			c.diags = append(c.diags, o.translate(number, said))
		}
	}
}

// owner is a unit and the application that it belongs to. name is how systemd calls it: of a template, an instance.
type owner struct {
	name string
	unit emit.Unit
	tree generator.Tree
}

// anInstance is that of a template as which it is looked at: PublishPort=%i:80 is a port.
const anInstance = "8090"

// instanceOf makes an instance of the name of a template.
func instanceOf(name string) (instance string, template bool) {
	return strings.Replace(name, "@.", "@"+anInstance+".", 1), strings.Contains(name, "@.")
}

// ownersOf are the units of all applications, the longest names first: one may be the start of another.
func ownersOf(r generator.Result) []owner {
	var all []owner
	for _, t := range r.Trees {
		for _, u := range t.Units {
			if t.Source == "" || strings.Contains(u.Name, "/") {
				continue
			}
			all = append(all, owner{u.Name, u, t})
			if instance, template := instanceOf(u.Name); template {
				all = append(all, owner{instance, u, t})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b owner) int { return cmp.Compare(len(b.name), len(a.name)) })
	return all
}

// ownerOf takes a line of systemd's apart: "UNIT:LINE: text" or "UNIT: text". What is about other units is left out.
func ownerOf(owners []owner, line string) (o owner, number int, said string, ok bool) {
	for _, o := range owners {
		rest, ok := strings.CutPrefix(line, o.name+":")
		if !ok {
			continue
		}
		first, after, more := strings.Cut(rest, ":")
		if n, err := strconv.Atoi(first); err == nil && more {
			return o, n, strings.TrimSpace(after), true
		}
		return o, 0, strings.TrimSpace(rest), true
	}
	return o, 0, "", false
}

// translate makes a message of what systemd said about a line of a unit.
func (o owner) translate(number int, said string) parser.Diag {
	d := parser.Diag{Severity: parser.Error, Text: "systemd: " + strings.TrimSuffix(said, ".")}
	if strings.Contains(said, "ignoring") {
		d.Severity = parser.Warning
	}
	e, ok := o.find(number, said)
	if !ok {
		d.Pos.File = o.tree.Source
		d.Text = "systemd says of " + o.name + ": " + strings.TrimSuffix(said, ".")
		return d
	}
	d.Pos = e.Pos
	return d
}

// find finds the line of the source that a line of the unit was made from; where systemd names none, the line with a path or
// the name of a unit that it speaks of.
func (o owner) find(number int, said string) (parser.Entry, bool) {
	lines := strings.Split(string(o.unit.AppendText(nil)), "\n")
	if number > 0 && number <= len(lines) {
		key, value, _ := strings.Cut(lines[number-1], "=")
		return o.entry(func(e parser.Entry) bool { return e.Key == key && e.Value == value })
	}
	for _, word := range strings.Fields(said) {
		word = strings.Trim(word, ".,:;'\"()")
		if word == o.name || !strings.ContainsAny(word, "/.") || strings.HasPrefix(word, o.name+"/") {
			continue
		}
		if e, ok := o.entry(func(e parser.Entry) bool { return strings.Contains(e.Value, word) }); ok {
			return e, true
		}
	}
	return parser.Entry{}, false
}

func (o owner) entry(is func(parser.Entry) bool) (parser.Entry, bool) {
	for _, name := range o.tree.Files {
		file, _ := parser.Parse(name, text(name))
		for _, s := range file.Sections {
			if !parser.PassedThrough(s.Name) {
				continue
			}
			if i := slices.IndexFunc(s.Entries, is); i >= 0 {
				return s.Entries[i], true
			}
		}
	}
	return parser.Entry{}, false
}
