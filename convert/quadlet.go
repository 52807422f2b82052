package convert

import (
	"path"
	"strings"

	"podman-ondemand/parser"
)

// quadlet converts a .container file. Its lines stay as they are, with its
// comments, but for those that mean something else here.
func (c *conversion) quadlet(u *unit) {
	if !c.quadletFront(u) {
		return
	}
	entries, headers := map[int]parser.Entry{}, map[int]string{}
	for _, s := range u.file.Sections {
		headers[s.Pos.Line] = s.Name
		for _, e := range s.Entries {
			entries[e.Pos.Line] = e
		}
	}
	lines := strings.Split(string(u.Text), "\n")
	var current *section
	c.aside = &leftOut{unit: path.Base(u.Name)}
	for i := 0; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], " \t\r")
		e, isEntry := entries[i+1]
		name, isHeader := headers[i+1]
		switch {
		case isHeader:
			current = c.doc.begin(name, current)
			if name == parser.SectionContainer && c.hidden == (published{}) {
				c.flushFront()
			}
		case isEntry:
			last := min(e.LastLine(), len(lines))
			c.quadletLine(current.name, e, lines[i:last])
			i = last - 1
		case current == nil && line != "" && !strings.HasPrefix(line, "#"):
			c.doc.headline("%s", line) // it counts for nothing
		case current == nil:
			c.doc.head = append(c.doc.head, line)
		default:
			current.lines = append(current.lines, line)
		}
	}
	c.aside.note(c)
	c.listens(u.pos())
}

// begin starts a section of a source: comments right in front of its header
// stay there.
func (d *document) begin(name string, before *section) *section {
	lines := &d.head
	if before != nil {
		lines = &before.lines
	}
	n := len(*lines)
	for n > 0 && strings.HasPrefix((*lines)[n-1], "#") {
		n--
	}
	lead := (*lines)[n:]
	if before == nil {
		lead = nil
	} else {
		*lines = (*lines)[:n]
	}
	s := d.section(name)
	if len(s.lines) > 0 { // a second section of the name
		s.lines = append(s.lines, lead...)
	} else {
		s.lead = append(s.lead, lead...)
	}
	return s
}

// quadletFront finds the port behind the proxy, if there is one.
func (c *conversion) quadletFront(u *unit) bool {
	if c.front == nil {
		return true
	}
	var all []published
	for _, e := range u.file.Entries(parser.SectionContainer) {
		if e.Key == "PublishPort" {
			all = append(all, parsePublished(parser.Unquote(e.Value)))
		}
	}
	e, _ := u.file.Last(parser.SectionContainer, "Network")
	inside, which, ok := c.front.inside(all, e.Value == "host")
	if !ok {
		c.keepUnit(u, "does not publish the port that is behind "+plain(c.front.target.text))
		return false
	}
	if which >= 0 {
		c.hidden = all[which]
	}
	c.pending = c.publishFront(inside)
	return true
}

// flushFront writes what the socket listens on.
func (c *conversion) flushFront() {
	for _, o := range c.pending {
		c.publish(o)
	}
	c.pending = nil
}

// quadletLine writes one assignment of the source, which stands on lines.
func (c *conversion) quadletLine(section string, e parser.Entry, lines []string) {
	switch section {
	case parser.SectionContainer:
		if c.containerLine(e) {
			return
		}
	case parser.SectionUnit:
		if value, keep := c.unitLine(e); c.front != nil && (!keep || value != e.Value) {
			if keep {
				c.doc.set(section, e.Key, value)
			} else {
				c.aside.add(e.Key)
			}
			return
		}
	case parser.SectionService:
		drop := e.Key == "Type" && e.Value != "notify" || e.Key == "RemainAfterExit"
		if drop {
			c.aside.add(e.Key)
			return
		}
	case parser.SectionInstall:
		c.install(e, c.aside)
		return
	}
	c.doc.keep(section, 1, lines...)
}

// containerLine converts the keys of [Container] that mean something else here,
// and says whether e is one.
func (c *conversion) containerLine(e parser.Entry) bool {
	switch e.Key {
	case "Image", "Rootfs":
		c.image = e.Value
		return false
	case "PublishPort":
		p := parsePublished(parser.Unquote(e.Value))
		switch {
		case e.Value == "":
		case p == c.hidden:
			c.flushFront()
		default:
			c.publishOne(p, parser.Unquote(e.Value), e.ValuePos(0))
		}
		return true
	case "Volume", "EnvironmentFile", "Mount":
		c.relative(e)
		return false
	case "ExposeHostPort":
		c.exposed = append(c.exposed, word{e.Value, e.ValuePos(0)})
		return false
	case "Network":
		if e.Value == "host" {
			f, _ := findFlag("network")
			c.network(option{f, word{e.Value, e.ValuePos(0)}, true})
		}
		return e.Value == "host"
	case "Pod", "StartWithPod":
		if e.Key == "Pod" {
			c.pod(option{runFlag{name: "pod"}, word{e.Value, e.ValuePos(0)}, true})
		}
		return true
	}
	return false
}

// relative says where relative paths of a source start from, once: the result
// may lie elsewhere.
func (c *conversion) relative(e parser.Entry) {
	path := strings.Contains(e.Value, "source=.") || strings.Contains(e.Value, "src=.") || strings.HasPrefix(e.Value, ".")
	if e.Key == "EnvironmentFile" {
		path = path || e.Value != "" && !strings.ContainsAny(e.Value[:1], "/%\"'")
	}
	if path && !c.saidRelative {
		c.saidRelative = true
		c.note("Relative paths start from the directory of this file")
	}
}
