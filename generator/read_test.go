package generator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/manager"
)

// What is asked for is judged in its surroundings, and nothing else is spoken of.
func TestReadPaths(t *testing.T) {
	const good, bad = "[Container]\nImage=quay.io/x:1\nPublishPort=8080:80\nNetwork=n.network\n", "[Container]\nOops=1\nPublishPort=8081:80\n"
	other := strings.ReplaceAll(bad, "8081", "8084")
	root := t.TempDir()
	for name, text := range map[string]string{
		"search/n.network": "[Network]\n", "search/sub/in.ondemand": strings.ReplaceAll(bad, "8081", "8082"), "search/z.ondemand": strings.ReplaceAll(good, "8080:", "8083:"),
		"search/a-first/twice.ondemand": other, "search/twice.ondemand": bad,
		"work/web.ondemand": good, "work/web.ondemand.d/10.conf": "[Container]\nImgae=x\n",
		"work/bad.ondemand": bad, "work/deep/below.ondemand": bad, "work/notes.txt": "", "work/q.container": "", "work/x.conf": "", "work/n.volume": "",
		"clash/a.ondemand": strings.ReplaceAll(good, "8080:", "8083:"),
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(dirsVar, root+"/search")
	t.Chdir(root)
	const mend = "warning: X keeps its port, and refuses connections until this is mended\n"
	broken := func(file, base string) string {
		return file + ":1:1: error: no Image= or Rootfs= in [Container] (for example Image=docker.io/library/httpd:2.4)\n" +
			file + ":2:1: warning: unknown key Oops= in section [Container], ignored\n" + file + ": " + strings.ReplaceAll(mend, "X", base)
	}
	for _, c := range []struct {
		paths   string
		sources string
		want    string
	}{
		{"work/web.ondemand", "work/web.ondemand", "work/web.ondemand.d/10.conf:2:1: warning: unknown key Imgae= in section [Container], ignored (did you mean Image=?)\n"},
		{"work/bad.ondemand", "work/bad.ondemand", broken("work/bad.ondemand", "bad")},
		{"work/deep", "work/deep/below.ondemand", broken("work/deep/below.ondemand", "below")},
		{"search/sub/in.ondemand", "search/sub/in.ondemand", broken("search/sub/in.ondemand", "in")},
		{"clash", "clash/a.ondemand", "search/z.ondemand:3:13: error: 8083 is listened on already by a.ondemand (see clash/a.ondemand:3:13)\n"},
		{"search/twice.ondemand", "", "search/twice.ondemand: warning: another file of this name comes before it in the search path, ignored (rename one of the two)\n"},
	} {
		r, _, err := ReadPaths(manager.User, strings.Fields(c.paths))
		if err != nil {
			t.Fatal(err)
		}
		var sources []string
		for _, t := range r.Sources() {
			sources = append(sources, strings.TrimPrefix(t.Source, root+"/"))
		}
		if d := cmp.Diff([]string{c.sources, c.want}, []string{strings.Join(sources, " "), strings.ReplaceAll(r.Diags.String(), root+"/", "")}); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.paths, d)
		}
	}
	for path, want := range map[string]string{
		"work/notes.txt":   "verify " + root + "/work/notes.txt: not an .ondemand file, and no directory",
		"work/q.container": "verify " + root + "/work/q.container: not an .ondemand file: podman-ondemand convert makes one of it",
		"work/n.volume":    "verify " + root + "/work/n.volume: not an .ondemand file, but one of Quadlet, which such files can refer to",
		"work/x.conf":      "verify " + root + "/work/x.conf: a drop-in without its .ondemand file beside it: verify that file, or the search path",
		"nowhere":          "stat " + root + "/nowhere: no such file or directory",
	} {
		if _, _, err := ReadPaths(manager.User, []string{path}); err == nil || err.Error() != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestWithDropIns(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("web.ondemand", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"web.ondemand.d/10.conf": "web.ondemand", "web.ondemand.d": "web.ondemand", "./web.ondemand.d/": "web.ondemand", "web.ondemand": "web.ondemand",
		"other.ondemand.d/10.conf": "other.ondemand.d/10.conf", "x.d/10.conf": "x.d/10.conf", "x.conf": "x.conf", ".": ".",
	} {
		if got := WithDropIns(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// A drop-in that cannot be read breaks its file, which keeps its port.
func TestUnreadableDropIn(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(root+"/web.ondemand.d/dir.conf", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", root+"/web.ondemand.d/link.conf"); err != nil {
		t.Fatal(err)
	}
	text := "[Container]\nImage=quay.io/x:1\nPublishPort=8080:80\n"
	if err := os.WriteFile(root+"/web.ondemand", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	sources, files, ds := find([]dir{{Path: root}})
	r := Generate(sources, files, testOptions)
	want := "web.ondemand.d/dir.conf: error: not a regular file\nweb.ondemand.d/link.conf: error: a link that leads nowhere\nweb.ondemand: warning: web keeps its port, and refuses connections until this is mended\n"
	if d := cmp.Diff(want, strings.ReplaceAll(append(ds, r.Diags...).String(), root+"/", "")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
