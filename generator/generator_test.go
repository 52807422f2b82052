package generator

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// noFiles is nothing to refer to.
var noFiles = &Files{}

var testOptions = emit.Options{Podman: "/usr/bin/podman", Program: "/usr/bin/podman-ondemand", User: true}

// TestSameBytes generates all input at once, 20 times over.
func TestSameBytes(t *testing.T) {
	var sources []Source
	files, _ := filepath.Glob("../testdata/*/in/*.ondemand")
	for _, name := range files {
		if text, err := os.ReadFile(name); err == nil {
			sources = append(sources, Source{Path: "/x/" + name, Text: text})
		}
	}
	text := func() string {
		var b bytes.Buffer
		r := Generate(sources, noFiles, testOptions)
		show(&b, r.Trees)
		return b.String() + r.Diags.String()
	}
	first := text()
	for range 20 {
		if diff := cmp.Diff(first, text()); diff != "" {
			t.Fatalf("another output for the same input:\n%s", diff)
		}
	}
}

func source(name, text string) Source {
	return Source{Path: "/src/" + name + ".ondemand", Text: []byte("[Container]\nImage=localhost/x\n" + text)}
}

// TestWriteTaken makes sure that a unit that is there stays as it is, that the
// message names both sources, and that nothing of the application leads to it.
func TestWriteTaken(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "web.service")
	if err := os.WriteFile(taken, []byte("[Unit]\nSourcePath=/etc/web.container\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := Generate([]Source{source("web", "PublishPort=1:1"), source("other", "PublishPort=2:2")}, noFiles, testOptions)
	ds := Write(dir, r.Trees)
	want := "/src/web.ondemand: error: web.service is there already, made from /etc/web.container\n"
	if diff := cmp.Diff(want, ds.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	tree := readTree(t, dir)
	if tree["web.service"] != "[Unit]\nSourcePath=/etc/web.container\n" || tree["web.socket"] != "" || tree["other.socket"] == "" {
		t.Errorf("written: %v", tree)
	}
}

// TestWriteNowhere makes sure that a directory that cannot be written to is an
// error, and no panic.
func TestWriteNowhere(t *testing.T) {
	if ds := Write("/nonexistent", nil); !ds.HasErrors() {
		t.Error("no error")
	}
}

// TestWriteStaysInside puts links where a hostile one would: the generator
// follows none out of its directory.
func TestWriteStaysInside(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside+"/stolen", dir+"/web.service"); err != nil {
		t.Fatal(err)
	}
	r := Generate([]Source{source("web", "PublishPort=1:1")}, noFiles, testOptions)
	if ds := Write(dir, r.Trees); !ds.HasErrors() {
		t.Error("no error")
	}
	if es, _ := os.ReadDir(outside); len(es) != 0 {
		t.Errorf("written outside: %v", es)
	}
}

func TestDirs(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		user bool
		want string
	}{
		{"system", nil, false, "/run/containers/systemd /etc/containers/systemd /usr/share/containers/systemd"},
		{"user", map[string]string{"HOME": "/home/me", "XDG_RUNTIME_DIR": "/run/user/7"}, true,
			"/run/user/7/containers/systemd /home/me/.config/containers/systemd " +
				"/etc/containers/systemd/users/7 /etc/containers/systemd/users " +
				"/usr/share/containers/systemd/users/7 /usr/share/containers/systemd/users"},
		{"config home", map[string]string{"HOME": "/home/me", "XDG_CONFIG_HOME": "/c"}, true,
			"/c/containers/systemd /etc/containers/systemd/users/7 /etc/containers/systemd/users " +
				"/usr/share/containers/systemd/users/7 /usr/share/containers/systemd/users"},
		{"listed", map[string]string{dirsVar: "/a:relative:/b/"}, true, "/a /b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := environment{user: c.user, uid: 7, getenv: func(k string) string { return c.env[k] }}
			var got []string
			dirs, ds := e.dirs()
			for _, d := range dirs {
				got = append(got, d.Path)
			}
			messages := ""
			if c.name == "listed" {
				messages = "PODMAN_ONDEMAND_UNIT_DIRS: warning: not an absolute path, ignored: \"relative\"\n"
			}
			if ds.String() != messages {
				t.Errorf("messages: %v", ds)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestUsersDirs makes sure that the applications of users are not the system's
// and not those of another user.
func TestUsersDirs(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a", "users/b", "users/7/c", "users/8/d", "users/group/e", "users/group/9/f"} {
		path := filepath.Join(root, name+".ondemand")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found := func(dirs ...dir) string {
		sources, _, _ := find(dirs)
		var names []string
		for _, s := range sources {
			names = append(names, filepath.Base(s.Path))
		}
		return strings.Join(names, " ")
	}
	if got := found(dir{Path: root, skip: topUsers}); got != "a.ondemand" {
		t.Errorf("system: %s", got)
	}
	users := root + "/users"
	if got := found(dir{Path: users + "/7"}, dir{Path: users, skip: topNumbers}); got != "c.ondemand b.ondemand f.ondemand e.ondemand" {
		t.Errorf("user: %s", got)
	}
}

// TestUnreadable makes sure that what cannot be read is an error of its own.
func TestUnreadable(t *testing.T) {
	root := t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(root+"/big.ondemand", make([]byte, maxSize+1), 0o644))
	must(os.Symlink("loop.ondemand", root+"/loop.ondemand"))
	must(syscall.Mkfifo(root+"/pipe.ondemand", 0o644))
	must(os.WriteFile(root+"/ok.ondemand", []byte("[Container]"), 0o644))
	sources, _, ds := find([]dir{{Path: root}})
	want := `big.ondemand: error: larger than 1 MiB, which is no unit file, nothing is generated
loop.ondemand: error: too many levels of symbolic links, nothing is generated
pipe.ondemand: error: not a regular file, nothing is generated
`
	if diff := cmp.Diff(want, strings.ReplaceAll(ds.String(), root+"/", "")); diff != "" || len(sources) != 1 {
		t.Errorf("%v, -want +got:\n%s", sources, diff)
	}
}

// FuzzGenerate runs everything from bytes to unit text: whatever the file
// says, each unit holds the sections and the ExecStart= that are ours alone.
func FuzzGenerate(f *testing.F) {
	files, _ := filepath.Glob("../testdata/*/in/*.ondemand")
	for _, name := range files {
		if text, err := os.ReadFile(name); err == nil {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, user := range []bool{true, false} {
			options := testOptions
			options.User = user
			r := Generate([]Source{{Path: "/src/web.ondemand", Text: text}}, noFiles, options)
			if strings.Count(r.Diags.String(), "\n") != len(r.Diags) {
				t.Errorf("a message has a line too many:\n%s", r.Diags)
			}
			for _, tree := range r.Trees {
				for _, u := range tree.Units {
					checkUnit(t, u)
				}
			}
		}
	})
}

func checkUnit(t *testing.T, u emit.Unit) {
	text := u.AppendText(nil)
	file, ds := parser.Parse(u.Name, text)
	if ds.HasErrors() || len(file.Sections) != len(u.Sections) {
		t.Fatalf("%s: %v\n%s", u.Name, ds, text)
	}
	starts := 0
	for i, s := range file.Sections {
		if s.Name != u.Sections[i].Name || len(s.Entries) > len(u.Sections[i].Options) {
			t.Fatalf("%s: section %d is [%s]:\n%s", u.Name, i, s.Name, text)
		}
		for _, e := range s.Entries {
			if e.Key == "ExecStart" {
				starts++
			}
		}
	}
	if strings.HasSuffix(u.Name, ".service") && starts != 1 {
		t.Fatalf("%s has %d ExecStart=:\n%s", u.Name, starts, text)
	}
}
