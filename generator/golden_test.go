package generator

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/emit"
)

var update = flag.Bool("update", false, "write what the generator makes into testdata")

// modes are the two managers that each case is generated for.
var modes = []struct {
	name, dir string
	user      bool
}{
	{"user", "/home/me/.config/containers/systemd", true},
	{"system", "/etc/containers/systemd", false},
}

// TestGolden generates each testdata/NAME/in and compares names, texts and
// targets of links with testdata/NAME/out/MODE, and the messages with
// testdata/NAME/stderr.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("../testdata/*/in")
	if err != nil || len(cases) < 25 {
		t.Fatalf("only %d cases in testdata: %v", len(cases), err)
	}
	for _, in := range cases {
		for _, mode := range modes {
			name := filepath.Base(filepath.Dir(in))
			t.Run(name+"/"+mode.name, func(t *testing.T) { golden(t, in, mode.name, mode.dir, mode.user) })
		}
	}
}

func golden(t *testing.T, in, mode, dir string, user bool) {
	got, messages := generate(t, in, dir, user)
	out := filepath.Join(filepath.Dir(in), "out", mode)
	stderr := filepath.Join(filepath.Dir(in), "stderr")
	if *update {
		writeGolden(t, out, got)
		if err := os.WriteFile(stderr, []byte(messages), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(readTree(t, out), got); diff != "" {
		t.Errorf("-%s +generated (go test ./generator -update, then read the diff):\n%s", out, diff)
	}
	want, err := os.ReadFile(stderr)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), messages); diff != "" {
		t.Errorf("-%s +generated (go test ./generator -update, then read the diff):\n%s", stderr, diff)
	}
}

// generate runs all of the generator on the files of in, as if they were in dir.
func generate(t *testing.T, in, dir string, user bool) (map[string]string, string) {
	sources, files, found := find([]searched{{Path: in, as: dir}})
	files.podman = podmanOf(t, in)
	r := Generate(sources, files, emit.Options{Podman: "/usr/bin/podman", Program: "/usr/bin/podman-ondemand", User: user})
	out := t.TempDir()
	all := append(append(found, r.Diags...), Write(out, r.Trees)...)
	messages := strings.ReplaceAll(all.String(), dir+"/", "")
	return readTree(t, out), messages
}

// podmanOf is the version in testdata/NAME/podman, or the newest.
func podmanOf(t *testing.T, in string) func() version {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(in), "podman"))
	if err != nil {
		text = []byte("5.8")
	}
	v, ok := parseVersion(string(text))
	if !ok {
		t.Fatalf("%s/podman: not a version: %q", filepath.Dir(in), text)
	}
	return func() version { return v }
}

// searched is dir, where that name is taken.
type searched = dir

// readTree reads a directory: the texts of its files, and "-> TARGET" for links.
func readTree(t *testing.T, root string) map[string]string {
	tree := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			tree[name] = "-> " + target
			return err
		}
		text, err := os.ReadFile(path)
		tree[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func writeGolden(t *testing.T, root string, tree map[string]string) {
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	for name, text := range tree {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(text, "-> "); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
