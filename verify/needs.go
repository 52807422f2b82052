package verify

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/generator"
	"podman-ondemand/manager"
	"podman-ondemand/parser"
	"podman-ondemand/proxy"
)

// needs looks for what podman must find when the container starts.
func (c *checker) needs(app emit.Application) {
	for _, n := range app.OnHost {
		name, known := c.expand(n.Name, unitOf(app, ".service"))
		switch {
		case !known:
		case n.Key == "Image":
			c.image(app, n, name)
		case n.Key == "Secret":
			c.secret(n, name)
		case strings.HasPrefix(name, "/"):
			c.path(n, name)
		}
	}
	if app.Pod != nil {
		for _, member := range app.Pod.Members {
			c.needs(member)
		}
	}
}

// socketProxyd looks for the program that Proxy=systemd-socket-proxyd asks for: not every distribution installs it with
// systemd.
func (c *checker) socketProxyd(t generator.Tree) {
	there := func(path string) bool { return c.Exists(path) == nil }
	if t.App.Proxy == emit.SocketProxyd && !slices.ContainsFunc(proxy.SocketProxyds, there) {
		c.diags.Errorf(parser.Pos{File: t.Source}, "%s is not there, for which Proxy= asks: connections are refused", proxy.SocketProxyds[0]).
			Hintf("install the package of systemd that has it, or leave Proxy= out")
	}
}

// path: what Docker would make, podman does not.
func (c *checker) path(n emit.HostThing, path string) {
	err := c.Exists(path)
	switch {
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		c.diags.Warnf(n.Pos, "%s= names %s, which cannot be looked at: %v", n.Key, path, err)
	case n.Key == "Volume" || n.Key == "Mount":
		c.diags.Errorf(n.Pos, "%s is not there, and podman does not make it: the container cannot start", path).
			Hintf("mkdir -p %s", shellWord(path))
	default:
		c.diags.Errorf(n.Pos, "%s is not there: the container cannot start", path)
	}
}

// answer is what podman said to one question.
type answer struct {
	status int
	err    error
}

// podman asks podman, each question once. ok says that it answered.
func (c *checker) podman(args ...string) (status int, ok bool) {
	key := strings.Join(args, "\x00")
	if _, broken := c.podmanSaid[""]; broken {
		return 0, false
	}
	a, asked := c.podmanSaid[key]
	if !asked {
		a.status, a.err = c.Podman(c.ctx, args...)
		c.podmanSaid[key] = a
	}
	if a.err != nil {
		c.podmanSaid[""] = a // the next question would take as long
		c.diags.Errorf(parser.Pos{File: "podman"}, "%v: images and secrets were not looked for", a.err).
			Hintf("podman-ondemand doctor")
	}
	return a.status, a.err == nil
}

// forUser writes a command line for whoever the containers belong to.
func (c *checker) forUser(command string) string {
	if c.Scope == manager.System {
		return "sudo " + command
	}
	return command
}

func (c *checker) secret(n emit.HostThing, name string) {
	if status, ok := c.podman("secret", "exists", name); ok && status != 0 {
		c.diags.Errorf(n.Pos, "podman has no secret %s: the container cannot start", name).
			Hintf("%s", c.forUser("podman secret create "+shellWord(name)+" FILE"))
	}
}

// image looks whether the image is there, and if not, whether its name says from where it could be pulled.
func (c *checker) image(app emit.Application, n emit.HostThing, name string) {
	status, ok := c.podman("image", "exists", name)
	if !ok || status == 0 {
		return
	}
	pull := c.forUser("podman pull " + shellWord(name))
	switch resolved, why := c.resolve(name); {
	case why != "":
		c.diags.Errorf(n.Pos, "there is no image %s here, and %s: the container cannot start", name, why)
	case pullPolicy(app) == "never":
		c.diags.Errorf(n.Pos, "there is no image %s here, and Pull=never: the container cannot start", name).Hintf("%s", pull)
	case resolved != "" && resolved != name:
		c.diags.Warnf(n.Pos, "there is no image %s here: the first connection waits while podman pulls %s", name, resolved).
			Hintf("%s", pull)
	default:
		c.diags.Warnf(n.Pos, "there is no image %s here: the first connection waits while podman pulls it", name).Hintf("%s", pull)
	}
}

// pullPolicy is what Pull= says.
func pullPolicy(app emit.Application) string {
	policy := ""
	for i, a := range app.Container.Run {
		if a == "--pull" && i+1 < len(app.Container.Run) {
			policy = string(app.Container.Run[i+1])
		}
	}
	return policy
}

// resolve finds the full name under which podman would pull an image, without asking anybody, or says why nobody has it. Where
// podman would have to try several registries the name is "".
func (c *checker) resolve(name string) (resolved, why string) {
	registry, _, path := strings.Cut(name, "/")
	switch {
	case strings.HasPrefix(name, "sha256:"):
		return "", "an id cannot be pulled"
	case registry == "localhost" && path:
		return "", "localhost/ is for images that were built here"
	case path && strings.ContainsAny(registry, ".:"):
		return name, ""
	}
	return c.ShortNames().resolve(name)
}

// ShortNames is how podman completes the names of images that have no registry (containers-registries.conf(5)).
type ShortNames struct {
	// Aliases are the full names by short name, without tags.
	Aliases map[string]string
	// Registries are those that are tried for all other names.
	Registries []string
}

func (s ShortNames) resolve(name string) (resolved, why string) {
	repository, tag := name, ""
	if i := strings.IndexAny(name, ":@"); i >= 0 {
		repository, tag = name[:i], name[i:]
	}
	if full, ok := s.Aliases[repository]; ok {
		return full + tag, ""
	}
	switch len(s.Registries) {
	case 0:
		return "", "podman knows no registry for this short name"
	case 1:
		return s.Registries[0] + "/" + name, ""
	}
	return "", ""
}

// shellWord quotes a word for a shell, if need be.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@%+=,", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
