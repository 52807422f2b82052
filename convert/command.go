package convert

import (
	"path"
	"slices"
	"strings"

	"podman-ondemand/parser"
)

// option is one option of a command line.
type option struct {
	runFlag
	value word
	// given says that there is a value, which an option without one need not have.
	given bool
}

// written is the option as one word.
func (o option) written() string {
	if o.alone && !o.given {
		return "--" + o.name
	}
	return "--" + o.name + "=" + o.value.text
}

// yes says whether an option that takes no value is on.
func (o option) yes() bool { return !o.given || isTrue(o.value.text) }

// isTrue and isFalse know the booleans of podman's command line.
func isTrue(s string) bool {
	return slices.Contains([]string{"1", "t", "T", "true", "TRUE", "True"}, s)
}
func isFalse(s string) bool {
	return slices.Contains([]string{"0", "f", "F", "false", "FALSE", "False"}, s)
}

// commandLine converts "podman run …", with or without these words.
func (c *conversion) commandLine(words []word) {
	pos := commandLinePos
	if len(words) > 0 {
		pos = words[0].pos
	}
	if slices.ContainsFunc(words, func(w word) bool { return strings.Contains(w.text, "\x00") }) {
		c.diags.Errorf(pos, "a NUL byte in the command line")
		return
	}
	words, ok := c.program(words)
	if !ok {
		return
	}
	options, rest := c.options(words)
	if len(rest) == 0 {
		c.diags.Errorf(pos, "no image in the command line").
			Hintf("write it as it would start the container: podman run -p 8080:80 docker.io/library/httpd")
		return
	}
	c.run(options, rest)
}

// global are podman's own options that take a value, before its command.
var global = []string{
	"cgroup-manager", "config", "connection", "conmon", "events-backend", "hooks-dir", "identity", "imagestore",
	"log-level", "module", "network-cmd-path", "network-config-dir", "out", "root", "runroot", "runtime",
	"runtime-flag", "ssh", "storage-driver", "storage-opt", "tmpdir", "url", "volumepath", "c", "host", "H", "context",
}

// program takes "sudo", the program, its options and "run" off the front; it is not ok where another command is in place of "run".
func (c *conversion) program(words []word) (rest []word, ok bool) {
	words = c.prefix(words)
	if len(words) == 0 || !isProgram(words[0].text) {
		return subcommand(words), true
	}
	c.docker = path.Base(words[0].text) != "podman"
	words = words[1:]
	for len(words) > 0 && len(words[0].text) > 1 && words[0].text[0] == '-' {
		name, _, joined := strings.Cut(strings.TrimLeft(words[0].text, "-"), "=")
		n := 1
		if slices.Contains(global, name) && !joined {
			n = min(2, len(words))
		}
		c.globalArgs(words[:n])
		words = words[n:]
	}
	if len(words) > 0 && slices.Contains(otherCommands, words[0].text) {
		c.diags.Errorf(words[0].pos, "%s instead of run", words[0].text).
			Hintf("write the command line that would start the one container: podman run -p 8080:80 docker.io/library/httpd; or start it, and convert it with --container NAME")
		return nil, false
	}
	return subcommand(words), true
}

// otherCommands are those of podman and docker that would pass for an image where "run" is expected.
var otherCommands = []string{"build", "compose", "exec", "kube", "logs", "play", "pod", "ps", "pull", "restart", "rm", "start", "stop"}

func isProgram(s string) bool {
	return slices.Contains([]string{"podman", "docker", "nerdctl", "podman-remote"}, path.Base(s))
}

// prefix takes off what runs podman.
func (c *conversion) prefix(words []word) []word {
	for len(words) > 1 {
		switch path.Base(words[0].text) {
		case "sudo":
			if !c.req.Root {
				c.doc.headline("sudo: root's podman has images, volumes and networks of its own. Put this file into /etc/containers/systemd to stay with that one.")
			}
		case "env", "exec", "nohup", "time":
		default:
			return words
		}
		words = words[1:]
		for len(words) > 1 && strings.HasPrefix(words[0].text, "-") {
			words = words[1:]
		}
	}
	return words
}

// globalArgs keeps podman's own options. Docker's are about its daemon.
func (c *conversion) globalArgs(words []word) {
	if c.docker {
		var texts []string
		for _, w := range words {
			texts = append(texts, plain(w.text))
		}
		c.note("%s: only docker has this", strings.Join(texts, " "))
		return
	}
	for _, w := range words {
		value, _ := assigned(parser.Args, w.text)
		c.doc.set(parser.SectionContainer, "GlobalArgs", value)
	}
}

func subcommand(words []word) []word {
	if len(words) > 0 && words[0].text == "container" {
		words = words[1:]
	}
	if len(words) > 0 && (words[0].text == "run" || words[0].text == "create") {
		words = words[1:]
	}
	return words
}

// options reads options up to the first word that is none, as podman does.
func (c *conversion) options(words []word) (options []option, rest []word) {
	for len(words) > 0 {
		w := words[0]
		switch {
		case w.text == "--":
			return options, words[1:]
		case strings.HasPrefix(w.text, "--"):
			words = c.long(&options, w, words[1:])
		case len(w.text) > 1 && w.text[0] == '-':
			words = c.letters(&options, w, words[1:])
		default:
			return options, words
		}
	}
	return options, nil
}

func (c *conversion) long(options *[]option, w word, rest []word) []word {
	name, value, joined := strings.Cut(w.text[2:], "=")
	f, ok := findFlag(name)
	if !ok || len(name) == 1 {
		f = runFlag{name: name, read: unknown}
		if !joined {
			c.diags.Warnf(w.pos, "unknown option --%s, the word behind it is taken for its value", plain(name)).
				Hintf("write --%s=VALUE, or --%s=true if it takes none", plain(name), plain(name))
		}
	}
	if joined || f.alone {
		*options = append(*options, option{f, word{value, w.pos}, joined})
		return rest
	}
	return c.withValue(options, f, w, rest)
}

// withValue takes the next word as the value of an option.
func (c *conversion) withValue(options *[]option, f runFlag, w word, rest []word) []word {
	if len(rest) == 0 {
		c.diags.Errorf(w.pos, "%s says no value", plain(w.text))
		return nil
	}
	*options = append(*options, option{f, rest[0], true})
	return rest[1:]
}

// letters reads options of one letter each, like -dit or -p8080:80.
func (c *conversion) letters(options *[]option, w word, rest []word) []word {
	for i := 1; i < len(w.text); i++ {
		f, ok := findFlag(w.text[i : i+1])
		if !ok {
			c.diags.Errorf(w.pos, "unknown option -%s in %s", w.text[i:i+1], plain(w.text))
			return rest
		}
		value, joined := strings.CutPrefix(w.text[i+1:], "=")
		switch {
		case f.alone && joined:
			*options = append(*options, option{f, word{value, w.pos}, true})
			return rest
		case f.alone:
			*options = append(*options, option{runFlag: f, value: word{"", w.pos}})
			continue
		case value != "" || joined:
			*options = append(*options, option{f, word{value, w.pos}, true})
			return rest
		}
		return c.withValue(options, f, w, rest)
	}
	return rest
}

// run converts what has been read: the image first, by which a person knows the
// file, then the options in their order, and the command.
func (c *conversion) run(options []option, rest []word) {
	options, ok := c.takeOver(options)
	if !ok {
		return
	}
	c.imageName(rest[0], slices.ContainsFunc(options, func(o option) bool { return o.name == "rootfs" && o.yes() }))
	for _, o := range options {
		if o.name == "expose" {
			c.exposed = append(c.exposed, o.value)
		}
	}
	for _, o := range lastOnes(options) {
		if o.read != nil {
			o.read(c, o)
		} else {
			c.byKey(o)
		}
	}
	c.exec(rest[1:])
	c.removed(options)
	c.listens(rest[0].pos)
}

// lastOnes drops the options that a later one replaces: the file keeps these
// and what goes to PodmanArgs= in two places.
func lastOnes(options []option) []option {
	var kept []option
	for i, o := range options {
		again := slices.ContainsFunc(options[i+1:], func(p option) bool { return p.name == o.name })
		if !again || !single(o) {
			kept = append(kept, o)
		}
	}
	return kept
}

// single says whether of several options of that name only the last counts.
func single(o option) bool {
	if o.alone {
		return true
	}
	for _, k := range parser.Keys {
		if k.Arg == "--"+o.name+" %s" {
			return k.Kind == parser.String
		}
	}
	return slices.Contains([]string{"name", "user", "entrypoint", "cgroups", "sdnotify", "restart"}, o.name)
}

// byKey writes an option as the key that becomes it, or as PodmanArgs=.
func (c *conversion) byKey(o option) {
	k, value, ok := keyOf(o.name, o.value.text)
	switch {
	case !ok:
	case o.alone && o.yes():
		c.doc.set(parser.SectionContainer, k.Name, "yes")
		return
	case o.alone && isFalse(o.value.text):
		c.doc.set(parser.SectionContainer, k.Name, "no")
		return
	case k.Kind == parser.Switch && value == "yes":
		c.doc.set(parser.SectionContainer, k.Name, "yes")
		return
	default:
		if text, ok := assigned(k.Kind, value); ok {
			c.doc.set(parser.SectionContainer, k.Name, text)
			return
		}
	}
	c.podmanArg(o)
}

func (c *conversion) podmanArg(o option) {
	text, _ := assigned(parser.Args, o.written())
	c.doc.set(parser.SectionContainer, "PodmanArgs", text)
}

// set writes the value of a key, or the whole option where the key cannot have
// that value.
func (c *conversion) set(key string, o option, value string) {
	k, ok := parser.FindKey(parser.SectionContainer, key)
	if !ok {
		panic("not in the table of keys: " + key)
	}
	if text, ok := assigned(k.Kind, value); ok {
		c.doc.set(parser.SectionContainer, key, text)
		return
	}
	o.value.text = value
	c.podmanArg(o)
}

func (c *conversion) exec(words []word) {
	if len(words) == 0 {
		return
	}
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i], _ = assigned(parser.LastArgs, w.text)
	}
	c.doc.set(parser.SectionContainer, "Exec", strings.Join(texts, " "))
}

// fileName is what the file is called: the container's name, or the image's.
func (c *conversion) fileName() string {
	name := c.name
	if name == "" {
		name = path.Base(c.image)
		name, _, _ = strings.Cut(name, "@")
		name, _, _ = strings.Cut(name, ":")
	}
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.@", r) {
			return r
		}
		return -1
	}, name)
	if name = strings.TrimLeft(name, ".@"); name == "" {
		return "container"
	}
	return name
}
