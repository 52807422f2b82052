package convert

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"podman-ondemand/parser"
)

// kind is what a file holds.
type kind int

const (
	commandText kind = iota
	inspectOutput
	containerFile
	serviceFile
	socketFile
	composeFile
	otherFile
)

// extensions are those of files that are known by their names.
var extensions = []struct {
	extension string
	kind      kind
}{
	{".container", containerFile}, {".service", serviceFile}, {".socket", socketFile},
	{".pod", otherFile}, {".kube", otherFile}, {".ondemand", otherFile}, {".volume", otherFile}, {".network", otherFile},
}

// Extensions are those of the units that are looked for in a directory.
var Extensions = []string{".container", ".service", ".socket"}

// contents tell the kind of a file that has no such name, by the start of a
// line of it.
var contents = []struct {
	start string
	kind  kind
}{
	{"[Container]", containerFile}, {"[Socket]", socketFile}, {"[Service]", serviceFile},
	{"services:", composeFile},
}

func (f File) kind() kind {
	for _, e := range extensions {
		if path.Ext(f.Name) == e.extension {
			return e.kind
		}
	}
	text := strings.TrimSpace(string(f.Text))
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") && strings.HasPrefix(strings.TrimSpace(text[1:]), "{") || text == "[]" {
		return inspectOutput
	}
	for _, c := range contents {
		if strings.HasPrefix(text, c.start) || strings.Contains(text, "\n"+c.start) {
			return c.kind
		}
	}
	return commandText
}

// files converts what the files hold: one of a kind that stands alone, or the
// units that make up an application.
func (c *conversion) files() {
	var units []*unit
	var alone []File
	for _, f := range c.req.Files {
		pos := parser.Pos{File: f.Name}
		if bytes.IndexByte(f.Text, 0) >= 0 {
			c.diags.Errorf(pos, "not a text file")
			return
		}
		switch k := f.kind(); k {
		case composeFile:
			c.diags.Errorf(pos, "a compose file cannot be converted").
				Hintf("each of its services is a container: write the podman run command line of the one that has ports, or start it and convert the running container")
			return
		case otherFile:
			c.diags.Errorf(pos, "%s files are not converted", path.Ext(f.Name)).
				Hintf("a .pod or .kube file of Quadlet stays, and is woken with Unit= and Target= in [OnDemand]")
			return
		case containerFile, serviceFile, socketFile:
			units = append(units, c.parse(f, k))
		default:
			alone = append(alone, f)
		}
	}
	switch {
	case len(units) > 0 && len(alone) == 0:
		c.units(units)
	case len(alone) == 1 && len(units) == 0:
		c.alone(alone[0])
	case len(units)+len(alone) == 0:
		c.diags.Errorf(parser.Pos{File: "."}, "nothing to convert").
			Hintf("give a command line behind --, or files: .container, .socket and .service")
	default:
		c.diags.Errorf(parser.Pos{File: alone[0].Name}, "not a part of the same application").Hintf("convert one at a time")
	}
}

func (c *conversion) alone(f File) {
	if f.kind() == inspectOutput {
		c.inspect(f)
		return
	}
	sh := shell{file: f.Name, dir: c.req.Dir, text: string(f.Text)}
	commands, ds := sh.split()
	c.diags = append(c.diags, ds...)
	c.script(f.Name, commands)
}

// script converts the one command of several that runs a container.
func (c *conversion) script(name string, commands [][]word) {
	var runs [][]word
	for _, words := range commands {
		if runsContainer(words) {
			runs = append(runs, words)
		}
	}
	if len(runs) == 0 && len(commands) == 1 && strings.HasPrefix(commands[0][0].text, "-") {
		runs = commands
	}
	switch len(runs) {
	case 0:
		c.diags.Errorf(parser.Pos{File: name}, "no podman run or docker run in it")
	case 1:
		c.others(slices.DeleteFunc(slices.Clone(commands), func(words []word) bool { return &words[0] == &runs[0][0] }))
		c.commandLine(runs[0])
	default:
		c.diags.Errorf(runs[1][0].pos, "%d containers", len(runs)).
			Hintf("convert one at a time; they reach each other by name in one network (Network=)")
	}
}

// runsContainer says whether a command is podman run or docker run.
func runsContainer(words []word) bool {
	i := slices.IndexFunc(words, func(w word) bool { return isProgram(w.text) })
	if i < 0 {
		return len(words) > 0 && words[0].text == "run"
	}
	return slices.ContainsFunc(words[i+1:], func(w word) bool { return w.text == "run" || w.text == "create" }) &&
		!slices.ContainsFunc(words[i+1:min(i+3, len(words))], func(w word) bool {
			return slices.Contains([]string{"network", "volume", "pod", "secret", "compose", "exec"}, w.text)
		})
}

// others says what the text does besides.
func (c *conversion) others(commands [][]word) {
	for _, words := range commands {
		if needless(words) {
			continue
		}
		var texts []string
		for _, w := range words {
			texts = append(texts, strings.NewReplacer("%h", "~", "%U", "$UID").Replace(plain(w.text)))
		}
		c.doc.headline("Beside the container, to be done by hand: %s", strings.Join(texts, " "))
	}
}

// needless says whether podman run does by itself what a command does, or a
// note on the directories of the host says it already.
func needless(words []word) bool {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = path.Base(w.text)
	}
	if texts[0] == "sudo" {
		texts = texts[1:]
	}
	line := strings.Join(texts, " ") + " "
	return slices.ContainsFunc([]string{"docker pull ", "podman pull ", "docker volume create ", "podman volume create ", "mkdir "},
		func(start string) bool { return strings.HasPrefix(line, start) })
}
