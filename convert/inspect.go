package convert

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"podman-ondemand/parser"
)

// inspected is what "podman inspect" says of a container; docker says most of
// it in the same words. A nil one is known nothing of.
type inspected struct {
	Name      string
	ImageName string // podman's
	Config    struct {
		CreateCommand []string // podman's
		Image         string
		User          string
		Env           []string
		Cmd           []string
		WorkingDir    string
		Labels        map[string]string
	}
	HostConfig struct {
		NetworkMode    string
		Privileged     bool
		ReadonlyRootfs bool
		CapAdd         []string
		CapDrop        []string
		PortBindings   map[string][]binding
		RestartPolicy  struct{ Name string }
	}
	Mounts []struct {
		Type, Name, Source, Destination string
		RW                              bool
	}
	NetworkSettings struct{ Ports map[string][]binding }
}

// binding is a port of the host behind which "PORT/PROTOCOL" of the container
// is.
type binding struct {
	HostIP   string `json:"HostIp"`
	HostPort string
}

// inspect converts a container that is there: from the command line that made
// it, which podman keeps, or from what it has become.
func (c *conversion) inspect(file File) {
	var all []inspected
	text := file.Text
	if strings.HasPrefix(strings.TrimSpace(string(text)), "{") {
		text = append(append([]byte{'['}, text...), ']')
	}
	err := json.Unmarshal(text, &all)
	pos := parser.Pos{File: file.Name}
	switch {
	case err != nil:
		c.diags.Errorf(pos, "not what podman inspect prints: %v", err)
		return
	case len(all) != 1:
		c.diags.Errorf(pos, "%d containers", len(all)).Hintf("convert one at a time")
		return
	}
	c.inspected = &all[0]
	words := c.inspected.Config.CreateCommand
	if len(words) == 0 {
		words = c.inspected.command()
		c.docker = c.inspected.ImageName == ""
		c.doc.headline("Read from what the container has become, as its command line is not known: what comes from its image is here too.")
	}
	if len(words) > 1 && slices.Contains(words[:2], "play") || slices.Contains(words, "--pod") && len(c.inspected.ports()) == 0 {
		c.diags.Errorf(pos, "the container belongs to a pod").
			Hintf("make the pod a Quadlet and wake it with Unit= and Target= in [OnDemand]")
		return
	}
	ws := literals(words)
	for i := range ws {
		ws[i].pos = pos
	}
	c.commandLine(ws)
	if c.name == "" {
		c.name = strings.TrimPrefix(c.inspected.Name, "/")
	}
}

// defaultEnv are variables that podman sets itself.
var defaultEnv = []string{"PATH", "HOME", "HOSTNAME", "TERM", "container"}

// command is a command line that would make such a container.
func (in *inspected) command() []string {
	h := in.HostConfig
	words := []string{"run", "--name", strings.TrimPrefix(in.Name, "/")}
	for _, p := range in.ports() {
		words = append(words, "--publish", p.String()+"/"+p.protocol)
	}
	for _, e := range in.Config.Env {
		if name, _, _ := strings.Cut(e, "="); !slices.Contains(defaultEnv, name) {
			words = append(words, "--env", e)
		}
	}
	words = append(words, in.mounts()...)
	words = append(words, in.labels()...)
	words = addValue(words, "--user", in.Config.User)
	words = addValue(words, "--workdir", strings.TrimSuffix(in.Config.WorkingDir, "/"))
	words = addValue(words, "--restart", h.RestartPolicy.Name)
	words = addValue(words, "--network", h.NetworkMode)
	for _, capability := range h.CapAdd {
		words = append(words, "--cap-add", capability)
	}
	for _, capability := range h.CapDrop {
		words = append(words, "--cap-drop", capability)
	}
	if h.Privileged {
		words = append(words, "--privileged")
	}
	if h.ReadonlyRootfs {
		words = append(words, "--read-only")
	}
	image := in.Config.Image
	if in.ImageName != "" {
		image = in.ImageName
	}
	return append(append(words, image), in.Config.Cmd...)
}

func addValue(words []string, flag, value string) []string {
	if value == "" || value == "default" {
		return words
	}
	return append(words, flag, value)
}

func (in *inspected) mounts() []string {
	var words []string
	for _, m := range in.Mounts {
		source := m.Source
		if m.Type == "volume" {
			source = m.Name
		}
		v := source + ":" + m.Destination
		if !m.RW {
			v += ":ro"
		}
		words = append(words, "--volume", v)
	}
	return words
}

// labels are in the order of their names: a map has none.
func (in *inspected) labels() []string {
	var names, words []string
	for name := range in.Config.Labels {
		if !strings.HasPrefix(name, "com.docker.") && !strings.HasPrefix(name, "io.podman.") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		words = append(words, "--label", name+"="+in.Config.Labels[name])
	}
	return words
}

// ports are the published ports in the order of those in the container.
func (in *inspected) ports() []published {
	if in == nil {
		return nil
	}
	bound := in.HostConfig.PortBindings
	if len(bound) == 0 {
		bound = in.NetworkSettings.Ports
	}
	var all []published
	for inside, bindings := range bound {
		port, protocol, _ := strings.Cut(inside, "/")
		for _, b := range bindings {
			p := published{address: b.HostIP, host: b.HostPort, inside: port, protocol: protocol}
			if p.address == "0.0.0.0" || p.address == "::" {
				p.address = ""
			} else if strings.Contains(p.address, ":") {
				p.address = "[" + p.address + "]"
			}
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, func(a, b published) int {
		x, _ := strconv.Atoi(a.inside)
		y, _ := strconv.Atoi(b.inside)
		if x != y {
			return x - y
		}
		return strings.Compare(a.String()+a.protocol, b.String()+b.protocol)
	})
	return all
}

// source is the path of the host that is mounted at a place in the container.
func (in *inspected) source(target string) string {
	if in == nil {
		return ""
	}
	for _, m := range in.Mounts {
		if m.Destination == target && m.Type == "bind" {
			return m.Source
		}
	}
	return ""
}

// imageName is the full name of an image that was called by a short one.
func (in *inspected) imageName(short string) string {
	if in == nil || !strings.Contains(in.ImageName, "/"+short) {
		return ""
	}
	return in.ImageName
}
