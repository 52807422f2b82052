package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestConvert runs the command on each kind of argument, in a directory with a
// Quadlet, a README and a result that is there already.
func TestConvert(t *testing.T) {
	t.Setenv("HOME", "/nonexistent")
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"q/web.container":    "[Container]\nImage=localhost/web\nPublishPort=8080:80\n",
		"readme":             "podman run --rm \\\n  -p 8080:80 localhost/web\n",
		"there/web.ondemand": "mine\n",
		"empty/x":            "",
	} {
		write(t, name, text)
	}
	web := "[Container]\nImage=localhost/web\nPublishPort=8080:80\n"
	run := "-- podman run --rm -p 8080:80 localhost/web"
	for _, c := range []struct {
		args   string
		status int
		stdout string
		stderr string
	}{
		{run, 0, web, ""},
		{"podman run --rm -p 8080:80 localhost/web", 0, web, ""},
		{"-- --rm -p 8080:80 localhost/web", 0, web, ""},
		{"readme", 0, web, ""},
		{"q/web.container", 0, web, ""},
		{"q", 0, web, ""},
		{"-o out/dir/ " + run, 0, "", "Written to out/dir/web.ondemand\n"},
		{"-o out/other.ondemand q", 0, "", "Written to out/other.ondemand\nIt takes the place of these: stop and remove them before the daemon-reload:\n  web.container\n"},
		{"-o there " + run, 1, "", "Error: there/web.ondemand is there already; --force replaces it\n"},
		{"-o there --force " + run, 0, "", "Written to there/web.ondemand\n"},
		{"-o out/named.ondemand -- podman run --rm --name site -p 8080:80 localhost/web", 0, "", "Written to out/named.ondemand\nIf podman has a container site: stop it, as it holds the port. It is removed at the\nfirst connection, with all that is not in a volume.\n"},
		{"-o web.txt " + run, 1, "", "Error: web.txt: the name must end in .ondemand\n"},
		{"-o bad.ondemand -- podman run", 1, "", "command line: error: no image in the command line (write it as it would start the container: podman run -p 8080:80 docker.io/library/httpd)\n"},
		{"q/web.container -o x", 1, "", "Error: -o must stand in front of q/web.container\n"},
		{"empty", 1, "", "Error: empty: no .container, .service, .socket files in it\n"},
		{"none", 1, "", "Error: stat none: no such file or directory\n"},
		{"", 1, "", "Error: nothing to convert: give a command line behind --, a file, or - for stdin\n"},
		{"--container a b", 1, "", "Error: --container a and b: convert one at a time\n"},
	} {
		var stdout, stderr bytes.Buffer
		status := runForPerson(append([]string{"convert"}, strings.Fields(c.args)...), &stdout, &stderr)
		if d := cmp.Diff([]any{c.status, c.stdout, c.stderr}, []any{status, stdout.String(), stderr.String()}); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.args, d)
		}
	}
	for _, name := range []string{"out/dir/web.ondemand", "there/web.ondemand", "out/other.ondemand"} {
		if text, err := os.ReadFile(name); err != nil || string(text) != web {
			t.Errorf("%s: %q %v", name, text, err)
		}
	}
	if _, err := os.Stat("bad.ondemand"); err == nil {
		t.Error("written in spite of an error")
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestConvertNextStep: only what systemd reads asks for a reload.
func TestConvertNextStep(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PODMAN_ONDEMAND_UNIT_DIRS", dir)
	for at, want := range map[string]bool{dir: true, t.TempDir(): false} {
		var stderr bytes.Buffer
		status := runForPerson([]string{"convert", "-o", at, "--", "podman", "run", "--rm", "-p", "8080:80", "localhost/web"}, &bytes.Buffer{}, &stderr)
		said := stderr.String()
		if status != 0 || want != strings.Contains(said, "\nThen: systemctl ") || want != strings.Contains(said, "daemon-reload") {
			t.Errorf("%d, want a reload %v:\n%s", status, want, said)
		}
	}
}
