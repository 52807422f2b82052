package examples

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/generator"
	"podman-ondemand/manager"
)

const root = "../.."

// TestVerify: the generator takes every file in the documents without a word.
func TestVerify(t *testing.T) {
	all, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, b := range all {
		switch {
		case b.IsOnDemand():
			seen++
			files, missing := Files(all, b)
			verify(t, b, files, missing)
		case strings.HasPrefix(b.Doc, "parser/keydoc/") && b.Lang == "":
			seen++
			verifyLines(t, b)
		case b.Lang == "ini" && b.Name == "":
			t.Errorf("%s: the first line of an example says where the file lies: # ~/.config/containers/systemd/NAME.ondemand", b.Place())
		}
	}
	if seen < 15 {
		t.Errorf("only %d examples", seen)
	}
}

// verifyLines verifies lines of a section in an otherwise empty file.
func verifyLines(t *testing.T, b Block) {
	section := strings.TrimSuffix(filepath.Base(b.Doc), ".md")
	text := "[Container]\nImage=docker.io/library/httpd:2.4\nPublishPort=1:1\n[" + section + "]\n" + b.Text
	b.Name = "lines.ondemand"
	verify(t, b, map[string]string{b.Name: text}, b.Needs())
}

// stubs are files that examples refer to and no document has.
var stubs = map[string]string{
	".container": "[Container]\nImage=docker.io/library/httpd:2.4\n",
	".pod":       "[Pod]\n",
	".volume":    "[Volume]\n",
	".network":   "[Network]\n",
	".image":     "[Image]\nImage=docker.io/library/httpd:2.4\n",
	".build":     "[Build]\nImageTag=localhost/own\nFile=./Containerfile\n",
	".artifact":  "[Artifact]\nArtifact=quay.io/example/artifact:1\n",
	".kube":      "[Kube]\nYaml=pod.yaml\n",
}

func verify(t *testing.T, b Block, files map[string]string, missing []string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range missing {
		files[name] = stubs[filepath.Ext(name)]
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PODMAN_ONDEMAND_UNIT_DIRS", dir)
	r := generator.Read(manager.User)
	for _, d := range r.Diags {
		t.Errorf("%s: %s", b.Place(), strings.ReplaceAll(d.String(), dir+"/", ""))
	}
	app := strings.TrimSuffix(b.Name, ".ondemand")
	if !slices.ContainsFunc(r.Trees, func(tree generator.Tree) bool { return tree.Name == app }) {
		t.Errorf("%s: no units", b.Place())
	}
}

func TestBlocks(t *testing.T) {
	text := "x\n```ini\n# ~/a/b.ondemand\n[Container]\n```\n```\n$ podman-ondemand x --y z | less # no\n```\nsay `podman-ondemand help` or `podman x`\n    ```sh\n    sudo podman-ondemand a && /usr/bin/podman-ondemand b >c\n    ```\n"
	want := []Block{
		{"doc", 2, "ini", "# ~/a/b.ondemand\n[Container]\n", "b.ondemand"},
		{"doc", 6, "", "$ podman-ondemand x --y z | less # no\n", ""},
		{"doc", 10, "sh", "sudo podman-ondemand a && /usr/bin/podman-ondemand b >c\n", ""},
	}
	if d := cmp.Diff(want, blocks("doc", text)); d != "" {
		t.Error(d)
	}
	wantCommands := []Command{
		{"doc:7", []string{"x", "--y", "z"}}, {"doc:11", []string{"a"}}, {"doc:11", []string{"b"}}, {"doc:9", []string{"help"}},
	}
	if d := cmp.Diff(wantCommands, commands("doc", text)); d != "" {
		t.Error(d)
	}
}

func TestFiles(t *testing.T) {
	all := []Block{
		{Doc: "x", Name: "a.pod", Text: "# /etc/a.pod\n[Pod]\n"},
		{Doc: "y", Name: "a.pod", Text: "# /etc/a.pod\n[Pod]\nPodName=y\n"},
		{Doc: "x", Name: "in.container", Text: "# /etc/in.container\n[Container]\nPod=a.pod\n"},
		{Doc: "y", Name: "a.ondemand", Text: "# /etc/a.ondemand\nUnit=a.pod\nWants=gone.container own.container\n[Container own]\n"},
	}
	files, missing := Files(all, all[3])
	if files["a.pod"] != all[1].Text || files["in.container"] == "" || len(files) != 3 || !slices.Equal(missing, []string{"gone.container"}) {
		t.Errorf("%q, missing %q", files, missing)
	}
}

// TestExampleFiles: the files that packages bring are those of the documents.
func TestExampleFiles(t *testing.T) {
	all, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "examples/web/web.ondemand"))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Find(all, "web.ondemand", Block{Doc: "README.md"})
	if d := cmp.Diff(b.Text, string(text)); d != "" {
		t.Errorf("examples/web/web.ondemand (-%s +got):\n%s", b.Place(), d)
	}
}
