package generator

import (
	"path/filepath"
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
	claimed   int                   // how many listeners that are
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
	c.checkQuadlets(&ds, app)
	c.checkAddresses(&ds, app)
	c.checkLoops(&ds, app)
	if ds.HasErrors() {
		return ds
	}
	for _, name := range names {
		c.names[name] = app.Source
	}
	for _, l := range comparable(app) {
		c.listeners[l.port] = append(c.listeners[l.port], l)
		c.claimed++
	}
	return ds
}

func (c *clashes) checkNames(ds *parser.Diags, app emit.Application, names []string) {
	pos := parser.Pos{File: app.Source}
	for _, name := range names {
		if owner, taken := c.names[name]; taken {
			ds.Errorf(pos, "%s is a unit of %s already", name, owner).
				Hintf("rename the file, or write %s", serviceNameOf(app))
			return
		}
		switch path, first := c.files.installedUnit(name); {
		case first:
			ds.Errorf(pos, "%s is there already, and systemd takes that one", path).
				Hintf("remove it, or write %s", serviceNameOf(app))
		case path != "":
			ds.Warnf(pos, "hides %s", path).Hintf("to keep that unit write %s", serviceNameOf(app))
		}
	}
}

// serviceNameOf is where a person gives the units other names.
func serviceNameOf(app emit.Application) string {
	if app.Pod != nil {
		return "ServiceName= in [Pod]"
	}
	return "ServiceName= in [Container]"
}

// checkQuadlets finds the files of which Quadlet makes a service of the same name.
func (c *clashes) checkQuadlets(ds *parser.Diags, app emit.Application) {
	if app.Existing != "" {
		return
	}
	c.checkQuadlet(ds, app, app.Name)
	if app.Pod == nil {
		return
	}
	for _, m := range app.Pod.Members {
		c.checkQuadlet(ds, app, m.Name)
	}
}

func (c *clashes) checkQuadlet(ds *parser.Diags, app emit.Application, name string) {
	prefix, instance, template := strings.Cut(name, "@")
	for _, k := range quadletKinds {
		base, ok := strings.CutSuffix(prefix, k.suffix)
		if template {
			base += "@" + instance
		}
		src, found := c.files.find(base + k.extension)
		if ok && found && k.extension != Extension && k.refer(src).service == name+".service" {
			ds.Errorf(parser.Pos{File: app.Source}, "%s makes a %s.service, too", src.Path, name).
				Hintf("keep one of the two, or write %s", serviceNameOf(app))
		}
	}
}

func (c *clashes) checkAddresses(ds *parser.Diags, app emit.Application) {
	for _, l := range comparable(app) {
		for _, other := range c.listeners[l.port] {
			if l.overlaps(other) {
				ds.Errorf(l.pos, "%s is listened on already by %s", l.address, l.takenBy(other)).Hintf("see %s", other.pos)
				break
			}
		}
	}
}

// takenBy names the file of the other, and its address where that is written in another way.
func (l listener) takenBy(other listener) string {
	file := filepath.Base(other.pos.File)
	if l.address == other.address {
		return file
	}
	return file + ", on " + other.address
}

// comparable are the listeners of app whose addresses mean the same in every
// unit.
func comparable(app emit.Application) []listener {
	var ls []listener
	for _, from := range app.Listeners {
		l := listener{key: from.Key, address: string(from.Address), target: from.Target, onHost: onHost(app), pos: from.Pos}
		if strings.Contains(strings.TrimPrefix(l.address, "%t/"), "%") {
			continue
		}
		l.parse()
		ls = append(ls, l)
	}
	return ls
}
