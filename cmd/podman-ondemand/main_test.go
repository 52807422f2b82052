package main

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

func TestIsGenerator(t *testing.T) {
	for _, c := range []struct {
		args string
		want bool
	}{
		{"/run/normal /run/early /run/late", true},
		{"/tmp/out", true},
		{"", false},
		{"/a /b", false},
		{"/a /b /c /d", false},
		{"install", false},
		{"/a b /c", false},
		{"apply start web-0123456789abcdef", false},
		{"proxy --unit=web.service /a", false},
	} {
		if got := isGenerator(strings.Fields(c.args)); got != c.want {
			t.Errorf("%q: %v", c.args, got)
		}
	}
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		stdout string // what its first line is
		stderr string
	}{
		{nil, 0, "podman-ondemand starts a container when somebody connects to its port, and", ""},
		{[]string{"help"}, 0, "podman-ondemand starts a container when somebody connects to its port, and", ""},
		{[]string{"--help"}, 0, "podman-ondemand starts a container when somebody connects to its port, and", ""},
		{[]string{"version"}, 0, "podman-ondemand unknown", ""},
		{[]string{"--version"}, 0, "podman-ondemand unknown", ""},
		{[]string{"version", "--help"}, 0, "Prints the version of this program.", ""},
		{[]string{"help", "version"}, 0, "Prints the version of this program.", ""},
		{[]string{"help", "proxy"}, 0, "Run by NAME-proxy.service, not by people: takes the sockets that systemd has", ""},
		{[]string{"apply", "--help"}, 0, "Run by podman-ondemand-apply@NAME-HASH.service, not by people: after a", ""},
		{[]string{"uninstal"}, 2, "", "Error: unknown command \"uninstal\" for \"podman-ondemand\"\n\nDid you mean this?\n\tuninstall\n\nSee 'podman-ondemand --help'\n"},
		{[]string{"--verbose"}, 2, "", "Error: unknown flag: --verbose\nSee 'podman-ondemand --help'\n"},
		{[]string{"generate", "--user", "--system"}, 2, "", "Error: if any flags in the group [user system] are set none of the others can be; [system user] were all set\nSee 'podman-ondemand generate --help'\n"},
		{[]string{"generate"}, 1, "", "Error: only systemd makes this program write units, by daemon-reload: add --dry-run\n"},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(c.args, &stdout, &stderr); status != c.status {
			t.Errorf("%q: status %d, want %d", c.args, status, c.status)
		}
		first, _, _ := strings.Cut(stdout.String(), "\n")
		if d := cmp.Diff([]string{c.stdout, c.stderr}, []string{first, stderr.String()}); d != "" {
			t.Errorf("%q (-want +got):\n%s", c.args, d)
		}
	}
}

// Every command explains itself within 80 columns, with an example; those of generated units are not in the list.
func TestHelp(t *testing.T) {
	var all func(c *cobra.Command, path ...string)
	all = func(c *cobra.Command, path ...string) {
		var own bytes.Buffer
		if status := run(append(path, "--help"), &own, &own); status != 0 {
			t.Errorf("%s --help: status %d", path, status)
		}
		for line := range strings.Lines(own.String()) {
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("%s: over 80 columns: %s", path, line)
			}
		}
		if len(path) > 0 && !c.Hidden && (c.Example == "" || c.GroupID == "" || c.Long == "") {
			t.Errorf("%s: no example, group or explanation", path)
		}
		for _, sub := range c.Commands() {
			all(sub, append(slices.Clone(path), sub.Name())...)
		}
	}
	all(newRoot())
}

// What must not get into a program that systemd waits for at each reload: each is large, or slow to start.
var tooLarge = []string{
	"net/http", "crypto/tls", "github.com/coreos/go-systemd/v22/activation",
}

func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, p := range strings.Fields(string(out)) {
		if slices.Contains(tooLarge, p) {
			t.Errorf("the program contains %s; see: go mod why, go list -deps", p)
		}
	}
}
