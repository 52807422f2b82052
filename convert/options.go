package convert

import (
	"slices"
	"strings"

	"podman-ondemand/parser"
)

// silent is for what is so in any case, or has no meaning for a service.
func silent(*conversion, option) {}

// own is for what the units need for themselves.
func own(c *conversion, o option) {
	if !c.generated {
		c.note("%s: the units have one of their own", plain(o.written()))
	}
}

// dropped is for what does not fit; why says why.
func dropped(why string) func(*conversion, option) {
	return func(c *conversion, o option) { c.note("%s: %s", plain(o.written()), why) }
}

func dockerOnly(c *conversion, o option) {
	c.note("%s: only docker has this", plain(o.written()))
}

// unknown keeps an option that the table does not have: podman may be newer.
func unknown(c *conversion, o option) {
	c.note("--%s is not known here, and passed on", plain(o.name))
	c.podmanArg(o)
}

// noTerminal is for -i and -t, which mostly come together.
func noTerminal(c *conversion, o option) {
	if o.yes() && !c.generated && !c.saidTerminal {
		c.saidTerminal = true
		c.note("--interactive, --tty: a service has no terminal. A program that ends without one needs PodmanArgs=--interactive or --tty.")
	}
}

func (c *conversion) cgroups(o option) {
	switch {
	case o.value.text == "split" || o.value.text == "no-conmon" && c.generated:
	default:
		c.set("CgroupsMode", o, o.value.text)
	}
}

func (c *conversion) containerName(o option) {
	c.name, c.container = o.value.text, plain(o.value.text)
	c.set("ContainerName", o, o.value.text)
}

func (c *conversion) device(o option) {
	if strings.HasPrefix(o.value.text, "-") { // in a file this means: if it is there
		c.podmanArg(o)
		return
	}
	c.set("AddDevice", o, o.value.text)
}

// entrypoint: an empty one means something.
func (c *conversion) entrypoint(o option) {
	if o.value.text == "" {
		c.doc.set(parser.SectionContainer, "Entrypoint", "")
		return
	}
	c.set("Entrypoint", o, o.value.text)
}

func (c *conversion) env(o option) {
	name, value, given := strings.Cut(o.value.text, "=")
	if !given && name != "" && !strings.HasSuffix(name, "*") {
		c.note("--env %s takes the value from the environment, which is systemd's now; write Environment=%s=VALUE, or set it with: systemctl --user set-environment", plain(name), plain(name))
	}
	c.placeholder(value)
	c.set("Environment", o, o.value.text)
}

// placeholder points at what a README leaves to its reader.
func (c *conversion) placeholder(value string) {
	if from := strings.IndexByte(value, '<'); from >= 0 && strings.IndexByte(value[from:], '>') > 1 {
		c.note("To be filled in: %s", plain(value))
	}
}

func (c *conversion) envFile(o option) {
	c.set("EnvironmentFile", o, c.hostFile(o.value.text))
}

// fileOption is an option of PodmanArgs= whose value is a file.
func (c *conversion) fileOption(o option) {
	o.value.text = c.hostFile(o.value.text)
	c.podmanArg(o)
}

// label: those of podman's own tools are keys or belong to the old container.
func (c *conversion) label(o option) {
	if strings.HasPrefix(o.value.text, "PODMAN_SYSTEMD_UNIT=") {
		return
	}
	policy, ok := strings.CutPrefix(o.value.text, "io.containers.autoupdate=")
	if ok && policy != "" {
		k, _ := parser.FindKey(parser.SectionContainer, "AutoUpdate")
		if text, ok := assigned(k.Kind, policy); ok {
			c.doc.set(parser.SectionContainer, "AutoUpdate", text)
			return
		}
	}
	c.set("Label", o, o.value.text)
}

// podmansLogDrivers are those of podman-run(1); docker has more.
var podmansLogDrivers = []string{"journald", "k8s-file", "json-file", "none", "passthrough", "passthrough-tty"}

func (c *conversion) logDriver(o option) {
	if c.docker && !slices.Contains(podmansLogDrivers, o.value.text) {
		dockerOnly(c, o)
		return
	}
	c.byKey(o)
}

func (c *conversion) network(o option) {
	name, _, _ := strings.Cut(o.value.text, ":")
	switch {
	case name == "host":
		c.note("%s is left out: the container would have to listen on the host's ports itself, and here systemd does. The application need not notice.", plain(o.written()))
		return
	case name == "default" || name == "bridge" && c.docker:
		return // docker's own name for: nothing special
	case refers(name, ".network", ".container", ".ondemand") || name == "":
		c.podmanArg(o)
		return
	case !slices.Contains([]string{"none", "bridge", "private", "pasta", "slirp4netns", "container", "ns"}, name):
		c.note("This network must be there: podman network create --ignore %s", plain(name))
	}
	c.set("Network", o, o.value.text)
}

// refers says whether a name of podman's would be read as that of a file.
func refers(name string, extensions ...string) bool {
	return slices.ContainsFunc(extensions, func(e string) bool { return strings.HasSuffix(name, e) })
}

func (c *conversion) pod(o option) {
	c.diags.Errorf(o.value.pos, "a container in a pod cannot be converted alone: the pod has the ports").
		Hintf("make the pod a Quadlet and wake it with Unit= and Target= in [OnDemand]")
	c.note("%s: a pod is woken with Unit= and Target= in [OnDemand]", plain(o.written()))
}

// restart: a socket listens from boot on, and each connection starts what does
// not run.
func (c *conversion) restart(o option) {
	policy, _, _ := strings.Cut(o.value.text, ":")
	switch policy {
	case "no", "":
	case "on-failure", "always", "unless-stopped":
		c.note("%s is not needed: a connection starts what does not run", plain(o.written()))
	default:
		c.note("%s: not a policy of podman's", plain(o.written()))
	}
}

// runtime is an option of docker run, and one of podman itself.
func (c *conversion) runtime(o option) {
	if c.docker {
		c.note("%s is docker's; podman takes its own from containers.conf(5), or from GlobalArgs=%s", plain(o.written()), plain(o.written()))
		return
	}
	text, _ := assigned(parser.Args, o.written())
	c.doc.set(parser.SectionContainer, "GlobalArgs", text)
}

func (c *conversion) sdnotify(o option) {
	switch o.value.text {
	case "conmon", "":
	case "container":
		c.doc.set(parser.SectionContainer, "Notify", "yes")
	case "healthy":
		c.doc.set(parser.SectionContainer, "Notify", "healthy")
	default:
		c.note("%s: systemd has to know when the container runs", plain(o.written()))
	}
}

// securityOpt knows docker's old form too, in which a colon takes the place of
// the first "=".
func (c *conversion) securityOpt(o option) {
	name, value, _ := strings.Cut(o.value.text, ":")
	switch {
	case name == "no-new-privileges" || strings.HasPrefix(o.value.text, "no-new-privileges="):
		_, given, _ := strings.Cut(o.value.text, "=")
		if value == "false" || given == "false" {
			return
		}
		o.value.text = "no-new-privileges"
	case slices.Contains([]string{"apparmor", "label", "seccomp"}, name):
		o.value.text = name + "=" + value
	}
	if profile, ok := strings.CutPrefix(o.value.text, "seccomp="); ok && profile != "unconfined" && profile != "" {
		o.value.text = "seccomp=" + c.hostFile(profile)
	}
	c.byKey(o)
}

func (c *conversion) user(o option) {
	user, group, ok := strings.Cut(o.value.text, ":")
	if _, fits := assigned(parser.String, user); !ok || !fits || group == "" || !printable(group) {
		c.set("User", o, o.value.text)
		return
	}
	c.set("User", o, user)
	c.set("Group", o, group)
}

// removed says what is different from a container that stays, and what podman
// does not do for it.
func (c *conversion) removed(options []option) {
	if len(c.dirs) > 0 {
		c.doc.headline("Unlike docker, podman makes no directories of the host: mkdir -p %s", strings.Join(c.dirs, " "))
	}
	if len(c.volumes) > 0 {
		c.doc.headline("Volumes of docker are not podman's, where these begin empty: %s", strings.Join(c.volumes, " "))
	}
	for _, o := range options {
		if (o.name == "rm" || o.name == "rmi") && o.yes() {
			return
		}
	}
	if !c.generated {
		c.doc.headline("The container is removed when it goes to sleep, as with --rm: what it is to keep belongs in a volume.")
	}
}
