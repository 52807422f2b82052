package main

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
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
	var help bytes.Buffer
	printHelp(&help)
	for _, c := range []struct {
		args   []string
		status int
		stdout string
		stderr string
	}{
		{nil, 2, "", help.String()},
		{[]string{"help"}, 0, help.String(), ""},
		{[]string{"-h"}, 0, help.String(), ""},
		{[]string{"--help"}, 0, help.String(), ""},
		{[]string{"help", "help"}, 0, help.String(), ""},
		{[]string{"version"}, 0, "podman-ondemand unknown\n", ""},
		{[]string{"--version"}, 0, "podman-ondemand unknown\n", ""},
		{[]string{"version", "--help"}, 0, "usage: podman-ondemand version\n\nPrints the version of this program.\n", ""},
		{[]string{"help", "version"}, 0, "usage: podman-ondemand version\n\nPrints the version of this program.\n", ""},
		{[]string{"uninstal"}, 2, "", "podman-ondemand: there is no command \"uninstal\"\n" +
			"did you mean: podman-ondemand uninstall\nall commands: podman-ondemand help\n"},
		{[]string{"help", "frobnicate"}, 2, "", "podman-ondemand: there is no command \"frobnicate\"\nall commands: podman-ondemand help\n"},
		{[]string{"--verbose"}, 2, "", "podman-ondemand: there is no command \"--verbose\"\nall commands: podman-ondemand help\n"},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(c.args, &stdout, &stderr); status != c.status {
			t.Errorf("%q: status %d, want %d", c.args, status, c.status)
		}
		if d := cmp.Diff([]string{c.stdout, c.stderr}, []string{stdout.String(), stderr.String()}); d != "" {
			t.Errorf("%q (-want +got):\n%s", c.args, d)
		}
	}
}

// Every command explains itself within 80 columns; those of generated units are not in the list.
func TestHelp(t *testing.T) {
	var list bytes.Buffer
	printHelp(&list)
	for _, c := range commands() {
		var own bytes.Buffer
		if status := run([]string{c.name, "--help"}, &own, &own); status != 0 || own.Len() < 40 {
			t.Errorf("%s --help: status %d, %q", c.name, status, own.String())
		}
		inList := strings.Contains(list.String(), "\n  "+c.usage)
		if internal := c.name == "proxy" || c.name == "apply" || c.name == "broken"; inList == internal {
			t.Errorf("%s: in the list: %v", c.name, inList)
		}
		for line := range strings.Lines(own.String() + list.String()) {
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("over 80 columns: %s", line)
			}
		}
	}
}

// What must not get into a program that systemd waits for at each reload: each is large, or slow to start.
var tooLarge = []string{
	"net/http", "crypto/tls", "text/template", "regexp", "log/slog", "encoding/json",
	"github.com/spf13/cobra", "github.com/coreos/go-systemd/v22/activation",
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
