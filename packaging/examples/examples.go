// Package examples finds the examples in what people read: README.md, docs/ and the sources of the manual pages. Tests try
// each of them.
package examples

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Block is a fenced block of a document.
type Block struct {
	Doc  string // the document, below the repository's directory
	Line int    // of the fence
	Lang string // what stands behind the fence
	Text string
	// Name is the name of the file that the block is, from the comment in its first line; "" for any other block.
	Name string
}

// Place is where the block stands, for messages.
func (b Block) Place() string { return fmt.Sprintf("%s:%d", b.Doc, b.Line) }

// Docs are the documents below root, in a fixed order.
func Docs(root string) ([]string, error) {
	var docs []string
	for _, pattern := range []string{"README.md", "docs/*.md", "packaging/mangen/*.md", "parser/keydoc/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("there is no %s", pattern)
		}
		docs = append(docs, found...)
	}
	return docs, nil
}

// Read finds all blocks of all documents.
func Read(root string) ([]Block, error) {
	docs, err := Docs(root)
	if err != nil {
		return nil, err
	}
	var all []Block
	for _, doc := range docs {
		text, err := os.ReadFile(doc)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(root, doc)
		if err != nil {
			return nil, err
		}
		all = append(all, blocks(name, string(text))...)
	}
	return all, nil
}

const fence = "```"

func blocks(doc, text string) (all []Block) {
	var open *Block
	indent := ""
	n := 0
	for line := range strings.Lines(text) {
		n++
		bare := strings.TrimSpace(line)
		switch {
		case open == nil && strings.HasPrefix(bare, fence):
			indent = line[:strings.Index(line, fence)]
			open = &Block{Doc: doc, Line: n, Lang: strings.TrimPrefix(bare, fence)}
		case open != nil && bare == fence:
			open.Name = fileName(open.Text)
			all, open = append(all, *open), nil
		case open != nil:
			open.Text += strings.TrimPrefix(line, indent)
		}
	}
	return all
}

var nameLine = regexp.MustCompile(`^# [~/]\S*/([^/\s]+)\n`)

func fileName(text string) string {
	if m := nameLine.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// IsOnDemand says whether the block is a file of ours.
func (b Block) IsOnDemand() bool { return strings.HasSuffix(b.Name, ".ondemand") }

var fileOfQuadlet = regexp.MustCompile(`[\w@.-]+\.(?:ondemand|container|pod|volume|network|image|build|artifact|kube)\b`)

// Needs gives the names of the files that a block refers to. A container of the file itself, as [Container db], is none.
func (b Block) Needs() []string {
	_, text, _ := strings.Cut(b.Text, "\n")
	return slices.DeleteFunc(fileOfQuadlet.FindAllString(text, -1), func(name string) bool {
		member, ok := strings.CutSuffix(name, ".container")
		return ok && strings.Contains(text, "[Container "+member+"]\n")
	})
}

// Find finds the block that is a file of that name, in the document of b or else in any.
func Find(all []Block, name string, b Block) (found Block, ok bool) {
	for _, other := range all {
		if other.Name == name && (!ok || other.Doc == b.Doc) {
			found, ok = other, true
		}
	}
	return found, ok
}

// Files are the block and all files of documents that belong to it, by their names: those that one of them refers to, and the
// containers of a pod among them. missing are those that no document has.
func Files(all []Block, b Block) (files map[string]string, missing []string) {
	files = map[string]string{b.Name: b.Text}
	for todo := []Block{b}; len(todo) > 0; todo = todo[1:] {
		for _, name := range append(todo[0].Needs(), members(all, todo[0])...) {
			if _, have := files[name]; have {
				continue
			}
			other, ok := Find(all, name, todo[0])
			if !ok {
				missing = append(missing, name)
				continue
			}
			files[name] = other.Text
			todo = append(todo, other)
		}
	}
	return files, missing
}

// members are the containers that say that they run in the pod b.
func members(all []Block, b Block) (names []string) {
	for _, other := range all {
		if strings.HasSuffix(b.Name, ".pod") && strings.Contains(other.Text, "\nPod="+b.Name+"\n") {
			names = append(names, other.Name)
		}
	}
	return names
}

var inlineCommand = regexp.MustCompile("`(podman-ondemand [^`]+)`")

// Command is a call of the program in a document.
type Command struct {
	Place string
	Words []string // without the program's name
}

// Commands finds all calls of podman-ondemand: in blocks that are of a shell, where a line may begin with a prompt, and
// between backticks in the text.
func Commands(root string) ([]Command, error) {
	docs, err := Docs(root)
	if err != nil {
		return nil, err
	}
	var all []Command
	for _, doc := range docs {
		text, err := os.ReadFile(doc)
		if err != nil {
			return nil, err
		}
		all = append(all, commands(doc, string(text))...)
	}
	return all, nil
}

func commands(doc, text string) (all []Command) {
	add := func(line int, words []string) {
		all = append(all, Command{fmt.Sprintf("%s:%d", doc, line), words})
	}
	for _, b := range blocks(doc, text) {
		if b.Lang != "" && b.Lang != "sh" {
			continue
		}
		for i, line := range strings.Split(b.Text, "\n") {
			for _, words := range Calls(line) {
				add(b.Line+1+i, words)
			}
		}
	}
	for i, line := range strings.Split(text, "\n") {
		for _, m := range inlineCommand.FindAllStringSubmatch(line, -1) {
			add(i+1, strings.Fields(m[1])[1:])
		}
	}
	return all
}

var separator = regexp.MustCompile(`\|\|?|&&|;|>`)

// Calls cuts a line of a shell into the arguments of the calls of podman-ondemand in it.
func Calls(line string) (all [][]string) {
	line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
	line, _, _ = strings.Cut(line, " #")
	for _, command := range separator.Split(line, -1) {
		words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(command), "sudo "))
		if len(words) > 0 && filepath.Base(words[0]) == "podman-ondemand" {
			all = append(all, words[1:])
		}
	}
	return all
}
