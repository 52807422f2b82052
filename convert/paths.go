package convert

import (
	"path"
	"slices"
	"strings"

	"podman-ondemand/parser"
)

// hostPath writes a path of the host so that it means the same in any
// directory: from the home directory on, where it lies in there. What starts
// neither with a slash nor with a dot is a name of podman's, and stays.
func (c *conversion) hostPath(p string) string {
	switch {
	case p == "~" || strings.HasPrefix(p, "~/"):
		return "%h" + p[1:]
	case p == "." || p == ".." || strings.HasPrefix(p, "./") || strings.HasPrefix(p, "../"):
		return c.homely(path.Join(literal(c.req.Dir), p))
	}
	return c.homely(p)
}

// hostFile is hostPath for what can only be a file.
func (c *conversion) hostFile(p string) string {
	if p != "" && !strings.ContainsAny(p[:1], "/~%$") {
		p = "./" + p
	}
	return c.hostPath(p)
}

// homely writes the home directory as the specifier that stands for it.
func (c *conversion) homely(p string) string {
	home := literal(c.req.Home)
	if home == "" || home == "/" {
		return p
	}
	if rest, ok := strings.CutPrefix(p, home); ok && (rest == "" || rest[0] == '/') {
		return "%h" + rest
	}
	return p
}

// dockerSockets are where docker's daemon listens.
var dockerSockets = []string{"/var/run/docker.sock", "/run/docker.sock"}

func (c *conversion) volume(o option) {
	source, rest, mounted := strings.Cut(o.value.text, ":")
	if !mounted {
		if strings.HasPrefix(source, "/") {
			c.note("The volume at %s has no name, and is removed with the container. To keep it write Volume=NAME:%s", plain(source), plain(source))
		}
		c.set("Volume", o, source)
		return
	}
	source = c.mountSource(source, rest)
	if refers(source, ".volume", ".artifact") {
		c.podmanArg(o)
		return
	}
	c.set("Volume", o, source+":"+rest)
}

// mountSource makes sense of the left side of a mount.
func (c *conversion) mountSource(source, target string) string {
	if c.docker && slices.Contains(dockerSockets, source) {
		c.note("The socket of docker is podman's here, which must be there: systemctl --user enable --now podman.socket")
		if c.req.Root {
			return "/run/podman/podman.sock"
		}
		return "%t/podman/podman.sock"
	}
	target, _, _ = strings.Cut(target, ":")
	if known := c.inspected.source(plain(target)); known != "" && strings.HasPrefix(source, ".") {
		return c.homely(literal(known))
	}
	if c.docker && source != "" && isVolumeName(source) {
		c.volumes = append(c.volumes, plain(source))
	}
	p := c.hostPath(source)
	if c.docker && !slices.ContainsFunc(systemDirs, func(dir string) bool { return strings.HasPrefix(p, dir) }) &&
		(strings.HasPrefix(p, "%h/") || strings.HasPrefix(p, "/")) && path.Ext(p) == "" {
		c.dirs = append(c.dirs, strings.Replace(plain(p), "%h/", "~/", 1))
	}
	return p
}

// isVolumeName says whether a source is a volume, not a path.
func isVolumeName(source string) bool {
	return !strings.ContainsAny(source, "/%$~") && source[0] != '.'
}

// systemDirs are where nobody makes directories for a container.
var systemDirs = []string{"/etc/", "/dev/", "/sys/", "/proc/", "/run/", "/var/run/", "/usr/", "/lib/"}

func (c *conversion) mount(o option) {
	fields := strings.Split(o.value.text, ",")
	for i, f := range fields {
		key, source, ok := strings.Cut(f, "=")
		if !ok || key != "source" && key != "src" {
			continue
		}
		if refers(source, ".volume", ".image", ".build", ".artifact") {
			c.podmanArg(o)
			return
		}
		if slices.Contains(fields, "type=bind") || slices.Contains(fields, "type=glob") {
			source = c.hostFile(source)
		}
		fields[i] = key + "=" + source
	}
	c.set("Mount", o, strings.Join(fields, ","))
}

// imageName writes Image=, or Rootfs= of a directory. Docker's short names mean
// docker.io; podman looks its own up.
func (c *conversion) imageName(w word, rootfs bool) {
	if w.text == "" || !printable(w.text) {
		c.diags.Errorf(w.pos, "not an image: %q", plain(w.text))
		return
	}
	if rootfs {
		c.image = w.text
		c.doc.set(parser.SectionContainer, "Rootfs", assignedString(c.hostFile(w.text)))
		return
	}
	image := strings.TrimPrefix(w.text, "docker://")
	registry, _, slash := strings.Cut(image, "/")
	short := !slash || !strings.ContainsAny(registry, ".:") && registry != "localhost"
	id := len(image) == 64 && strings.Trim(image, "0123456789abcdef") == "" || strings.HasPrefix(image, "sha256:")
	switch {
	case !short || id || strings.HasPrefix(image, "${"):
	case c.docker && !slash:
		image = "docker.io/library/" + image
	case c.docker:
		image = "docker.io/" + image
	case c.inspected.imageName(plain(image)) != "":
		image = literal(c.inspected.imageName(plain(image)))
	default:
		c.note("%s is a short name, and podman would look for it in several registries; docker.io/%s, for example, is always the same", plain(image), plain(withLibrary(image)))
	}
	if refers(image, ".image", ".build") {
		image += ":latest"
	}
	c.image = image
	c.doc.set(parser.SectionContainer, "Image", assignedString(image))
	c.placeholder(image)
}

func withLibrary(image string) string {
	if strings.Contains(image, "/") {
		return image
	}
	return "library/" + image
}
