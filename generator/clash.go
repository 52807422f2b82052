package generator

import (
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// clashes knows what the applications so far have taken, so that the next one
// that wants the same is told who has it.
type clashes struct {
	files     *Files
	names     map[string]string     // source by unit name
	listeners map[uint16][]listener // by port, 0 for Unix sockets
}

// claim takes the unit names and addresses of app, or says who has them. An
// application without units takes nothing.
func (c *clashes) claim(app emit.Application, tree emit.Tree) parser.Diags {
	var ds parser.Diags
	if len(tree.Units) == 0 {
		return ds
	}
	names := append([]string{}, app.Aliases...)
	for _, u := range tree.Units {
		names = append(names, u.Name)
	}
	c.checkNames(&ds, app, names)
	c.checkAddresses(&ds, app)
	if ds.HasErrors() {
		return ds
	}
	for _, name := range names {
		c.names[name] = app.Source
	}
	for _, l := range comparable(app) {
		c.listeners[l.port] = append(c.listeners[l.port], l)
	}
	return ds
}

func (c *clashes) checkNames(ds *parser.Diags, app emit.Application, names []string) {
	pos := parser.Pos{File: app.Source}
	for _, name := range names {
		if owner, taken := c.names[name]; taken {
			ds.Errorf(pos, "%s is a unit of %s already", name, owner).
				Hintf("rename the file, or write ServiceName= in [Container]")
			return
		}
		switch path, first := c.files.installedUnit(name); {
		case first:
			ds.Errorf(pos, "%s is there already, and systemd takes that one", path).
				Hintf("remove it, or write ServiceName= in [Container]")
		case path != "":
			ds.Warnf(pos, "hides %s", path).Hintf("to keep that unit write ServiceName= in [Container]")
		}
	}
	for _, extension := range []string{".container", ".kube"} {
		k, _ := kindOf(app.Name + extension)
		if src, ok := c.files.find(app.Name + extension); ok && k.refer(src).service == app.Name+".service" {
			ds.Errorf(pos, "%s makes a %s.service, too", src.Path, app.Name).
				Hintf("keep one of the two files, or write ServiceName= in [Container]")
		}
	}
}

func (c *clashes) checkAddresses(ds *parser.Diags, app emit.Application) {
	for _, l := range comparable(app) {
		for _, other := range c.listeners[l.port] {
			if l.overlaps(other) {
				ds.Errorf(l.pos, "%s is listened on already by %s", l.address, other.address).Hintf("see %s", other.pos)
				break
			}
		}
	}
}

// comparable are the listeners of app whose addresses mean the same in every
// unit.
func comparable(app emit.Application) []listener {
	var ls []listener
	for _, from := range app.Listeners {
		l := listener{key: from.Key, address: string(from.Address), pos: from.Pos}
		if strings.Contains(strings.TrimPrefix(l.address, "%t/"), "%") {
			continue
		}
		l.parse()
		ls = append(ls, l)
	}
	return ls
}
