package convert

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/generator"
	"podman-ondemand/parser"
)

var update = flag.Bool("update", false, "write what convert makes into testdata")

// TestGolden converts each testdata/NAME: a file "args" holds the words of a
// command line, one a line; other files are converted as they are. "out.ondemand"
// is the result, "stderr" its name, what it replaces, the messages, and those
// that the generator has on the result.
func TestGolden(t *testing.T) {
	for _, dir := range cases(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			result, diags := Run(goldenRequest(t, dir))
			said := fmt.Sprintf("name: %s\n", result.Name)
			if len(result.Replaces) > 0 {
				said += fmt.Sprintf("replaces: %s\n", strings.Join(result.Replaces, " "))
			}
			said += diags.String()
			if result.Text != "" {
				ds := verify(result)
				if ds.HasErrors() && !diags.HasErrors() {
					t.Errorf("the result is wrong:\n%s", ds)
				}
				said += ds.String()
			}
			compare(t, filepath.Join(dir, "out.ondemand"), result.Text)
			compare(t, filepath.Join(dir, "stderr"), said)
		})
	}
}

// cases are the directories of testdata but for "fuzz", which is what the fuzzer found (go help testflag).
func cases(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/*")
	if err != nil || len(all) < 40 {
		t.Fatalf("only %d cases in testdata: %v", len(all), err)
	}
	return slices.DeleteFunc(all, func(dir string) bool { return dir == "testdata/fuzz" })
}

// verify is what the generator says of a result.
func verify(r Result) parser.Diags {
	_, ds := generator.Translate(generator.Source{Path: "/home/me/.config/containers/systemd/" + r.Name + ".ondemand", Text: []byte(r.Text)}, &generator.Files{})
	for i := range ds {
		ds[i].Pos.File = filepath.Base(ds[i].Pos.File)
	}
	return ds
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("-%s +converted (go test ./convert -update, then read the diff):\n%s", path, d)
	}
}

func goldenRequest(t *testing.T, dir string) Request {
	t.Helper()
	req := Request{Dir: "/home/me/src", Home: "/home/me"}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		switch name := e.Name(); name {
		case "out.ondemand", "stderr":
		case "args":
			req.Words = strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		case "inspected.json":
			req.Inspect = func(string) ([]byte, error) { return text, nil }
		default:
			req.Files = append(req.Files, File{name, text})
		}
	}
	return req
}

// TestSameBytes converts all cases 20 times over.
func TestSameBytes(t *testing.T) {
	for _, dir := range cases(t) {
		req := goldenRequest(t, dir)
		first, ds := Run(req)
		for range 20 {
			again, ds2 := Run(req)
			if !cmp.Equal(first, again) || !slices.Equal(ds, ds2) {
				t.Fatalf("%s: another result for the same input", dir)
			}
		}
	}
}
