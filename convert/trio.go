package convert

import (
	"path"
	"slices"
	"strings"

	"podman-ondemand/parser"
)

// front is a hand-written socket with systemd-socket-proxyd behind it.
type front struct {
	name    string         // of the proxy, without what says that it is one
	listens []parser.Entry // ListenStream= of the socket
	target  word           // what the proxy connects to
	// shared says that the proxy is in the container's network, not the host's.
	shared bool
	// names are the units of the application.
	names []string
	// kept is the unit that stays as it is, where the container cannot be
	// taken over.
	kept string
}

// trio converts a socket, a proxy and what is behind it.
func (c *conversion) trio(proxy *unit, sockets, backends []*unit) {
	socket := socketOf(proxy, sockets)
	if socket == nil {
		c.diags.Errorf(proxy.pos(), "the socket of this proxy is missing").Hintf("name its file too, %s.socket for example", proxy.stem())
		return
	}
	c.front = &front{name: strings.TrimSuffix(proxy.stem(), "-proxy"), names: []string{path.Base(socket.Name), path.Base(proxy.Name)}}
	for _, e := range socket.file.Entries(parser.SectionSocket) {
		if e.Key == "ListenStream" && e.Value != "" {
			c.front.listens = append(c.front.listens, e)
		}
	}
	c.replaces = append(c.replaces, c.front.names...)
	left := leftOut{unit: path.Base(proxy.Name)}
	settings := c.proxy(proxy, &left)
	if len(c.front.listens) == 0 || c.front.target.text == "" {
		c.diags.Errorf(socket.pos(), "it cannot be seen what %s listens on, and what is behind it", path.Base(socket.Name)).
			Hintf("ListenStream= in %s, and the address at the end of ExecStart= in %s", path.Base(socket.Name), path.Base(proxy.Name))
		return
	}
	c.behind(proxy, backends)
	for _, s := range settings {
		c.doc.set(parser.SectionOnDemand, s.name, s.value)
	}
	left.note(c)
	c.socket(socket)
}

// socketOf is the socket that starts the proxy.
func socketOf(proxy *unit, sockets []*unit) *unit {
	for _, s := range sockets {
		e, ok := s.file.Last(parser.SectionSocket, "Service")
		if ok && e.Value == path.Base(proxy.Name) || !ok && s.stem() == proxy.stem() {
			return s
		}
	}
	if len(sockets) == 1 {
		return sockets[0]
	}
	return nil
}

// proxy reads the proxy's command line (systemd-socket-proxyd(8)) into the
// settings of [OnDemand].
func (c *conversion) proxy(u *unit, left *leftOut) []assignment {
	words := u.command()
	words = words[slices.IndexFunc(words, isProxyProgram)+1:]
	idle, most := "", ""
	for len(words) > 0 {
		name, value, joined := strings.Cut(words[0].text, "=")
		takes := slices.Contains([]string{"--exit-idle-time", "--connections-max", "-c"}, name)
		if takes && !joined && len(words) > 1 {
			value, words = words[1].text, words[1:]
		}
		switch {
		case name == "--exit-idle-time":
			idle = value
		case takes:
			most = value
		case !strings.HasPrefix(name, "-"):
			c.front.target = words[0]
		}
		words = words[1:]
	}
	for _, s := range u.file.Sections {
		for _, e := range s.Entries {
			if e.Key == "PrivateNetwork" || e.Key == "JoinsNamespaceOf" || e.Key == "NetworkNamespacePath" {
				c.front.shared = true
			}
			left.add(e.Key)
		}
	}
	return settings(idle, most)
}

func settings(idle, most string) []assignment {
	if idle == "" || idle == "0" {
		idle = "infinity" // the proxy's own default
	}
	all := []assignment{{"IdleTimeout", idle}}
	if most != "" {
		all = append(all, assignment{"MaxConnections", most})
	}
	return all
}

// behind converts what the proxy stands in front of: of the files the one that
// it names, or the only one.
func (c *conversion) behind(proxy *unit, backends []*unit) {
	var named []string
	for _, key := range []string{"Requires", "BindsTo", "Wants", "After"} {
		for _, w := range proxy.words(parser.SectionUnit, key) {
			named = append(named, w.text)
		}
	}
	named = slices.DeleteFunc(named, func(name string) bool { return !strings.HasSuffix(name, ".service") || c.gone(name) })
	for _, name := range named {
		for _, b := range backends {
			if b.service() == name {
				c.front.names = append(c.front.names, name)
				c.backend(b)
				return
			}
		}
	}
	switch {
	case len(backends) == 1:
		c.front.names = append(c.front.names, backends[0].service())
		c.backend(backends[0])
	case len(named) > 0:
		c.existing(named[0], nil, "is not among the files")
	default:
		c.diags.Errorf(proxy.pos(), "it cannot be seen which unit is behind the proxy").Hintf("Requires= or After= would name it; give its file too")
	}
}

// existing wakes a unit as it is.
func (c *conversion) existing(service string, u *unit, why string) {
	c.front.kept = service
	name := service
	if u != nil && u.kind == containerFile {
		name = path.Base(u.Name)
	}
	c.name = c.front.name
	c.doc.headline("%s %s, and stays as it is.", name, why)
	c.doc.set(parser.SectionOnDemand, "Unit", name)
	c.doc.set(parser.SectionOnDemand, "Target", c.front.target.text)
	for _, e := range c.front.listens {
		c.doc.set(parser.SectionSocket, "ListenStream", e.Value)
	}
}

// port is the port that the proxy connects to, "" if it is none.
func (f *front) port() string {
	text := f.target.text
	text = text[strings.LastIndexByte(text, ':')+1:]
	if _, err := parser.ParsePort(text); err != nil {
		return ""
	}
	return text
}

// inside finds the port of the container behind the proxy: one that is
// published for it, or the same one where both are in one network.
func (f *front) inside(all []published, sameNetwork bool) (port string, which int, ok bool) {
	want := f.port()
	for i, p := range all {
		if p.host == want && want != "" && p.inside != "" && !p.udp() {
			return p.inside, i, true
		}
	}
	return want, -1, want != "" && (sameNetwork || f.shared)
}

// takeOver puts the addresses of the socket in the place of the port that was
// published for the proxy. It says false where the container cannot be taken
// over, and is woken as it is.
func (c *conversion) takeOver(options []option) ([]option, bool) {
	if c.front == nil {
		return options, true
	}
	var all []published
	var index []int
	sameNetwork := false
	for i, o := range options {
		if o.name == "publish" {
			all, index = append(all, parsePublished(o.value.text)), append(index, i)
		}
		sameNetwork = sameNetwork || o.name == "network" && o.value.text == "host"
	}
	inside, which, ok := c.front.inside(all, sameNetwork)
	if !ok {
		service := c.front.names[len(c.front.names)-1]
		c.replaces = slices.DeleteFunc(c.replaces, func(name string) bool { return name == service })
		c.existing(service, nil, "does not show which of its ports is behind "+plain(c.front.target.text))
		return nil, false
	}
	if which >= 0 {
		options = slices.Delete(slices.Clone(options), index[which], index[which]+1)
	}
	return append(c.publishFront(inside), options...), true
}

// publishFront makes published ports of the socket's addresses. Those that are
// no ports go to [Socket].
func (c *conversion) publishFront(inside string) []option {
	f, _ := findFlag("publish")
	var options []option
	for _, e := range c.front.listens {
		p := parsePublished(e.Value + ":" + inside)
		if _, ok := parsePorts(p.host); (ok || strings.HasPrefix(p.host, "%")) && p.wrong() == "" {
			options = append(options, option{f, word{p.String(), e.ValuePos(0)}, true})
			continue
		}
		if !c.elsewhere {
			c.doc.set(parser.SectionOnDemand, "ContainerPort", inside)
		}
		c.elsewhere = true
		c.doc.set(parser.SectionSocket, "ListenStream", e.Value)
	}
	return options
}

// socket takes over what else a socket says.
func (c *conversion) socket(u *unit) {
	left := leftOut{unit: path.Base(u.Name)}
	for _, s := range u.file.Sections {
		for _, e := range s.Entries {
			switch {
			case s.Name == parser.SectionInstall:
				c.install(e, &left)
			case s.Name != parser.SectionSocket || e.Key == "Service" || e.Key == "Accept" && c.front != nil:
				left.add(e.Key)
			case !strings.HasPrefix(e.Key, "Listen"):
				c.doc.set(s.Name, e.Key, e.Value)
			case e.Key != "ListenStream" && c.front != nil:
				c.doc.headline("%s=%s: only ListenStream= can be served on demand", e.Key, e.Value)
			}
		}
	}
	left.keys = slices.DeleteFunc(left.keys, func(k string) bool { return k == "WantedBy=" })
	left.note(c)
}
