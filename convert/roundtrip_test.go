package convert

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/generator"
	"podman-ondemand/parser"
)

// oddValues are what people, and nobody, would type.
var oddValues = []string{
	"a", "a b", "", " ", " padded ", `"quoted"`, `"half`, `'single'`, `it's`, `both ' and "`, `back\slash`, `end\`, `a\nb`, "new\nline", "tab\there",
	"100%", "%h", "%%", "$HOME", "${X}", "$$", "a=b", "=", "ä", "\xff", "\x01", ";", "#x", "[Section]", "x\n[Service]\nExecStart=evil", "-x", "--y", "a,b", "key=a b",
}

// roundTripNames are the options whose value goes through as it is, or nearly.
func roundTripNames() []string {
	var names []string
	for _, f := range flags {
		if f.read == nil && f.name != "stop-signal" || slices.Contains([]string{"env", "label", "user", "entrypoint", "expose"}, f.name) {
			names = append(names, f.name)
		}
	}
	return names
}

// TestRoundTrip makes command lines of all options with odd values, in all the
// ways in which an option can be written; podman gets the same arguments from
// the converted file as it would have got from the command line.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	names := roundTripNames()
	for range 3000 {
		words := []string{"podman", "run"}
		var want []option
		for range 1 + r.Intn(5) {
			f, _ := findFlag(names[r.Intn(len(names))])
			o := option{runFlag: f, value: word{text: oddValues[r.Intn(len(oddValues))]}, given: true}
			if f.alone {
				o.given = r.Intn(2) == 0
				o.value.text = []string{"true", "false"}[r.Intn(2)]
			}
			words = append(words, typed(r, o)...)
			want = append(want, o)
		}
		command := oddValues[:r.Intn(len(oddValues))]
		words = append(append(words, "-p", "1:1", "localhost/image"), command...)
		roundTrip(t, words, want, command)
	}
}

// typed writes an option in one of the ways in which it can be written.
func typed(r *rand.Rand, o option) []string {
	switch {
	case o.alone && !o.given && o.short != "":
		return []string{"-" + o.short}
	case o.alone && !o.given:
		return []string{"--" + o.name}
	case !o.alone && o.short != "" && r.Intn(3) == 0:
		return []string{"-" + o.short, o.value.text}
	case !o.alone && o.short != "" && o.value.text != "" && o.value.text[0] != '=' && r.Intn(2) == 0:
		return []string{"-" + o.short + o.value.text}
	case !o.alone && r.Intn(2) == 0:
		return []string{"--" + o.name, o.value.text}
	}
	return []string{"--" + o.name + "=" + o.value.text}
}

func roundTrip(t *testing.T, words []string, options []option, command []string) {
	t.Helper()
	result, diags := Run(Request{Words: words, Dir: "/d", Home: "/home/me"})
	if diags.HasErrors() {
		t.Fatalf("%q: %s", words, diags)
	}
	app, ds := generator.Translate(generator.Source{Path: "/d/x.ondemand", Text: []byte(result.Text)}, &generator.Files{})
	if ds.HasErrors() || len(ds) > 0 && !strings.Contains(ds.String(), "closed") {
		t.Fatalf("%q:\n%s\n%s", words, ds, result.Text)
	}
	var got []string
	for _, a := range app.Container.Run {
		got = append(got, executed(t, string(a)))
	}
	i := slices.Index(got, "localhost/image")
	if i < 0 || !slices.Equal(got[i+1:], command) {
		t.Fatalf("%q: the command in the container is another one: %q\n%s", words, got, result.Text)
	}
	if d := cmp.Diff(canonical(options), canonical(readBack(t, got[:i]))); d != "" {
		t.Fatalf("%q (-typed +generated):\n%s\n%s", words, d, result.Text)
	}
}

// executed is the argument that systemd makes of a word of ExecStart=.
func executed(t *testing.T, text string) string {
	t.Helper()
	file, ds := parser.Parse("x", []byte("[S]\nE=x "+text+"\n"))
	ws, more := file.Sections[0].Entries[0].Words(parser.CEscapes)
	if len(ds)+len(more) > 0 || len(ws) != 2 {
		t.Fatalf("not one word: %s", text)
	}
	return strings.ReplaceAll(strings.ReplaceAll(ws[1].Text, "%%", "%"), "$$", "$")
}

// readBack reads podman's arguments, which are all written out.
func readBack(t *testing.T, args []string) []option {
	t.Helper()
	c := &conversion{doc: newDocument()}
	var words []word
	for _, a := range args {
		words = append(words, word{text: a})
	}
	options, rest := c.options(words)
	if len(rest) > 0 || len(c.diags) > 0 {
		t.Fatalf("%q: %v %s", args, rest, c.diags)
	}
	return options
}

// canonical writes each option in one way, sorted. Of those of which only one
// counts it is the last, and of variables and labels the last of a name.
func canonical(options []option) []string {
	last := map[string]string{}
	var all []string
	for i, o := range options {
		name, _, _ := strings.Cut(o.value.text, "=")
		text := "--" + o.name + "=" + o.value.text
		id := fmt.Sprint(o.name, i)
		switch {
		case o.alone:
			id, text = o.name, fmt.Sprintf("--%s=%v", o.name, o.yes())
		case single(o):
			id = o.name
		case o.name == "cap-add" || o.name == "cap-drop":
			text = strings.ToLower(text)
		case slices.Contains([]string{"env", "label", "annotation"}, o.name):
			id = o.name + "=" + name
		}
		last[id] = text
	}
	for _, text := range last {
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

// FuzzWords: whatever the words are, the result is a file of known keys, and no
// value has become a line of its own.
func FuzzWords(f *testing.F) {
	for _, v := range oddValues {
		f.Add("podman\x00run\x00-d\x00-p\x008080:80\x00-v\x00" + v + ":/x\x00-e" + v + "\x00--mount=" + v + "\x00localhost/x\x00" + v)
		f.Add("docker\x00run\x00--name=" + v + "\x00--network\x00" + v + "\x00-p\x00" + v + "\x00" + v)
	}
	f.Fuzz(func(t *testing.T, text string) {
		result, _ := Run(Request{Words: strings.Split(text, "\x00"), Dir: "/d", Home: "/home/me"})
		checkText(t, result.Text)
	})
}

// FuzzText is the same for the text of a file of any kind.
func FuzzText(f *testing.F) {
	f.Add("web.txt", "$ docker run -d \\\n -e A='b c' -v \"$PWD\":/x -p ${PORT:-80}:80 <image>\n")
	f.Add("web.container", "# c\n[Container]\nImage=x\\\n  y\n# z\n[Install]\nWantedBy=a.target\n")
	f.Add("web.container", "[Container]\nImage=\\\n")
	f.Add("web.service", "[Service]\nExecStart=-/usr/bin/podman run -p 80:80 \\\n x\nExecStop=\n")
	f.Add("x", `[{"Config":{"CreateCommand":["podman","run","-p","80:80","x"]}}]`)
	f.Fuzz(func(t *testing.T, name, text string) {
		result, _ := Run(Request{Files: []File{{name, []byte(text)}}, Dir: "/d", Home: "/home/me"})
		if kind := (File{name, []byte(text)}).kind(); kind == commandText || kind == inspectOutput {
			checkText(t, result.Text)
		}
	})
}

func checkText(t *testing.T, text string) {
	t.Helper()
	if text == "" {
		return
	}
	file, ds := parser.Parse("x.ondemand", []byte(text))
	ds = append(ds, file.Check()...)
	for _, s := range file.Sections {
		if s.Name != parser.SectionContainer {
			t.Errorf("a section [%s]", s.Name)
		}
	}
	if len(ds) > 0 {
		t.Errorf("%s\n%s", ds, text)
	}
}
