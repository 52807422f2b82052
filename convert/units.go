package convert

import (
	"path"
	"slices"
	"strings"

	"podman-ondemand/parser"
)

// unit is a unit file, or a .container file of Quadlet.
type unit struct {
	File
	kind kind
	file *parser.File
}

func (c *conversion) parse(f File, k kind) *unit {
	file, ds := parser.Parse(f.Name, f.Text)
	c.diags = append(c.diags, ds...)
	return &unit{f, k, file}
}

// stem is the name without what it ends in.
func (u *unit) stem() string { return strings.TrimSuffix(path.Base(u.Name), path.Ext(u.Name)) }

// service is the name of the service that the file is or becomes.
func (u *unit) service() string {
	if u.kind == containerFile {
		if e, ok := u.file.Last(parser.SectionContainer, "ServiceName"); ok {
			return e.Value + ".service"
		}
		return u.stem() + ".service"
	}
	return path.Base(u.Name)
}

func (u *unit) pos() parser.Pos { return parser.Pos{File: u.Name} }

// words are the words of all assignments of a key.
func (u *unit) words(section, key string) []word {
	var ws []word
	for _, e := range u.file.Entries(section) {
		if e.Key == key {
			ws = append(ws, split(e)...)
		}
	}
	return ws
}

// split reads a value as systemd reads a command line: the words are for
// systemd already.
func split(e parser.Entry) []word {
	all, _ := e.Words(parser.CEscapes)
	ws := make([]word, len(all))
	for i, w := range all {
		ws[i] = word{w.Text, w.Pos()}
	}
	return ws
}

// command is the first ExecStart= of a service, without the signs in front of
// the program.
func (u *unit) command() []word {
	for _, e := range u.file.Entries(parser.SectionService) {
		if e.Key != "ExecStart" || e.Value == "" {
			continue
		}
		ws := split(e)
		ws[0].text = strings.TrimLeft(ws[0].text, "-@:+!|")
		return ws
	}
	return nil
}

func (u *unit) isProxy() bool {
	return u.kind == serviceFile && slices.ContainsFunc(u.command(), isProxyProgram)
}

func isProxyProgram(w word) bool { return path.Base(w.text) == "systemd-socket-proxyd" }

// units converts an application of one or more units.
func (c *conversion) units(all []*unit) {
	var proxies, sockets, backends []*unit
	for _, u := range all {
		switch {
		case u.kind == socketFile:
			sockets = append(sockets, u)
		case u.isProxy():
			proxies = append(proxies, u)
		default:
			backends = append(backends, u)
		}
	}
	switch {
	case len(proxies) > 1:
		c.diags.Errorf(proxies[1].pos(), "a second systemd-socket-proxyd beside that of %s", path.Base(proxies[0].Name)).
			Hintf("convert one application at a time: name its files")
	case len(proxies) == 1:
		c.trio(proxies[0], sockets, backends)
	case len(backends) > 1:
		c.diags.Errorf(backends[1].pos(), "a second application beside %s", path.Base(backends[0].Name)).
			Hintf("convert one at a time: name its files")
	case len(backends) == 0:
		c.diags.Errorf(sockets[0].pos(), "a socket without the service that it starts").Hintf("name its files too")
	case len(sockets) > 0:
		c.activated(sockets[0], backends[0])
	default:
		c.backend(backends[0])
	}
}

// activated is a container that takes the sockets itself (sd_listen_fds(3)).
func (c *conversion) activated(socket, backend *unit) {
	if _, ok := parser.FindKey(parser.SectionOnDemand, "Proxy"); !ok {
		c.diags.Errorf(socket.pos(), "%s hands its sockets to the container itself, which is not supported yet", path.Base(socket.Name)).
			Hintf("where the image can listen on a port too, leave the .socket file out and publish that port")
		return
	}
	c.elsewhere = true
	c.replaces = append(c.replaces, path.Base(socket.Name))
	c.backend(backend)
	c.doc.set(parser.SectionOnDemand, "Proxy", "none")
	for _, e := range socket.file.Entries(parser.SectionSocket) {
		if strings.HasPrefix(e.Key, "Listen") && e.Value != "" {
			c.doc.set(parser.SectionSocket, e.Key, e.Value)
		}
	}
	c.socket(socket)
}

// backend converts the unit of the container.
func (c *conversion) backend(u *unit) {
	c.replaces = append(c.replaces, path.Base(u.Name))
	if u.kind == containerFile {
		c.name = u.stem()
		c.quadlet(u)
		return
	}
	c.service(u)
}

// service converts a service that runs podman.
func (c *conversion) service(u *unit) {
	words := u.command()
	if len(words) > 2 && words[1].text == "-c" { // sh -c "podman run …"
		sh := shell{file: u.Name, dir: c.req.Dir, text: strings.ReplaceAll(words[2].text, "$$", "$"), systemd: true}
		if commands, _ := sh.split(); len(commands) == 1 {
			words = commands[0]
		}
	}
	words = c.prefix(words)
	switch {
	case len(words) < 2 || !isProgram(words[0].text):
		c.keepUnit(u, "does not run podman itself")
		return
	case words[1].text == "pod":
		c.keepUnit(u, "starts a pod")
		return
	case slices.ContainsFunc(words, func(w word) bool { return w.text == "start" }) && !runsContainer(words):
		c.started(u, words[len(words)-1].text)
	case !runsContainer(words):
		c.keepUnit(u, "does not start one container")
		return
	default:
		c.generated = true
		c.commandLine(words)
	}
	if c.front == nil || c.front.kept == "" {
		c.serviceLines(u)
		if c.name == "" || strings.ContainsAny(c.name, "%$") {
			c.name = strings.TrimPrefix(u.stem(), "container-")
		}
	}
}

// started converts a container that a service only starts, if podman knows it.
func (c *conversion) started(u *unit, name string) {
	if c.req.Inspect == nil {
		c.keepUnit(u, "starts a container that is there already")
		return
	}
	text, err := c.req.Inspect(plain(name))
	if err != nil {
		c.keepUnit(u, "starts a container that podman does not tell of ("+err.Error()+")")
		return
	}
	c.inspect(File{"podman inspect " + plain(name), text})
}

// keepUnit wakes a unit as it is: the socket and the proxy are ours.
func (c *conversion) keepUnit(u *unit, why string) {
	if c.front == nil {
		c.diags.Errorf(u.pos(), "%s %s", path.Base(u.Name), why).
			Hintf("a unit that is there is woken with Unit= and Target= in [OnDemand]; to convert it so, name the files of its socket and proxy too")
		return
	}
	c.replaces = slices.DeleteFunc(c.replaces, func(name string) bool { return name == path.Base(u.Name) })
	c.existing(u.service(), u, why)
}

// ownUnits are units that an application need not wait for any more.
var ownUnits = []string{"network.target", "network-online.target", "podman-user-wait-network-online.service", "default.target"}

// dependencies are keys of [Unit] that name units.
var dependencies = []string{"After", "Before", "BindsTo", "PartOf", "PropagatesStopTo", "Requires", "Requisite", "StopPropagatedFrom", "Upholds", "Wants"}

// gone says whether a name is that of a unit which there is no more, or which
// is not waited for.
func (c *conversion) gone(name string) bool {
	return slices.Contains(ownUnits, name) || c.front != nil && slices.Contains(c.front.names, name)
}

// unitLine says what remains of a line of [Unit] of the container.
func (c *conversion) unitLine(e parser.Entry) (value string, keep bool) {
	switch {
	case slices.Contains(dependencies, e.Key):
		names := strings.Fields(e.Value)
		left := slices.DeleteFunc(slices.Clone(names), c.gone)
		if len(left) == len(names) {
			return e.Value, true
		}
		return strings.Join(left, " "), len(left) > 0
	case e.Key == "RequiresMountsFor":
		return e.Value, e.Value != "%t/containers"
	case e.Key == "Documentation":
		return e.Value, !strings.Contains(e.Value, "man:podman")
	}
	return e.Value, !slices.Contains([]string{"StopWhenUnneeded", "DefaultDependencies", "SourcePath"}, e.Key)
}

// serviceKeys are lines of [Service] that the generated service has itself.
var serviceKeys = []string{"Type", "NotifyAccess", "KillMode", "Delegate", "PIDFile", "RemainAfterExit", "ExecStart", "User", "Group"}

// serviceLine says whether a line of [Service] of the container remains.
func (c *conversion) serviceLine(e parser.Entry) bool {
	switch e.Key {
	case "Environment":
		return !strings.HasPrefix(strings.Trim(e.Value, `"'`), "PODMAN_SYSTEMD_UNIT=")
	case "ExecStartPre", "ExecStop", "ExecStopPost", "ExecStartPost":
		ws := split(e)
		if len(ws) == 0 {
			return false
		}
		program := path.Base(strings.TrimLeft(ws[0].text, "-@:+!|"))
		return !isProgram(program) && program != "rm" && program != "sleep"
	}
	return !slices.Contains(serviceKeys, e.Key)
}

// serviceLines takes over what else a service says.
func (c *conversion) serviceLines(u *unit) {
	left := leftOut{unit: path.Base(u.Name)}
	for _, s := range u.file.Sections {
		for _, e := range s.Entries {
			switch {
			case s.Name == parser.SectionUnit:
				value, keep := c.unitLine(e)
				if keep {
					c.doc.set(s.Name, e.Key, value)
				} else {
					left.add(e.Key)
				}
			case s.Name == parser.SectionService && c.serviceLine(e):
				c.doc.set(s.Name, e.Key, e.Value)
			case s.Name == parser.SectionInstall:
				c.install(e, &left)
			default:
				left.add(e.Key)
			}
		}
	}
	left.note(c)
}

// usualTargets start a service at boot, or a socket.
var usualTargets = []string{"default.target", "multi-user.target", "sockets.target", "graphical.target"}

// install keeps what pulls an application in from elsewhere: the socket then.
func (c *conversion) install(e parser.Entry, left *leftOut) {
	value := strings.Join(slices.DeleteFunc(strings.Fields(e.Value), func(name string) bool {
		return slices.Contains(usualTargets, name) || c.gone(name)
	}), " ")
	_, known := parser.FindKey(parser.SectionInstall, e.Key)
	switch {
	case e.Key == "WantedBy" && value != "":
		c.doc.set(parser.SectionInstall, e.Key, value+" sockets.target")
	case known && value != "" && e.Key != "Also" && e.Key != "Alias":
		c.doc.set(parser.SectionInstall, e.Key, value)
	default:
		left.add(e.Key)
	}
}

// leftOut collects the lines of a unit that are no longer needed.
type leftOut struct {
	unit string
	keys []string
}

func (l *leftOut) add(key string) {
	if !slices.Contains(l.keys, key+"=") {
		l.keys = append(l.keys, key+"=")
	}
}

// usual are lines that every such unit has, and that nobody misses.
var usual = []string{"ExecStart=", "Type=", "NotifyAccess=", "Environment=", "Documentation=", "Description=", "Service=", "Accept="}

func (l *leftOut) note(c *conversion) {
	keys := slices.DeleteFunc(l.keys, func(k string) bool { return slices.Contains(usual, k) })
	if len(keys) > 0 {
		c.doc.headline("Of %s, no longer needed: %s", l.unit, strings.Join(keys, " "))
	}
}
