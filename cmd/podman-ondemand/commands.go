package main

import (
	"fmt"
	"io"

	"podman-ondemand/apply"
	"podman-ondemand/generator"
	"podman-ondemand/install"
	"podman-ondemand/proxy"
)

// call is one call of a command.
type call struct {
	args           []string // what follows the command's name
	stdout, stderr io.Writer
}

// command is one row of the table of commands.
type command struct {
	name  string
	usage string // its form, after the program's name
	help  string // one line; "" keeps what only generated units call out of the list
	long  string // what --help says below the form
	run   func(call) int
}

// commands is the table, in the order of the help. It is a function because one of its rows prints it.
func commands() []command {
	return []command{
		{"install", install.Usage, "set up for this user, without root", install.Help,
			func(c call) int { return install.Main(c.args, version) }},
		{"uninstall", install.UninstallUsage, "undo that; .ondemand files stay", install.UninstallHelp,
			func(c call) int { return install.UninstallMain(c.args) }},
		{"generate", "generate --dry-run [--user|--system]", "print the units that the files become", generateHelp,
			func(c call) int { return generator.DryRun(c.args) }},
		{"version", "version", "print the version", "Prints the version of this program.\n", printVersion},
		{"help", "help [COMMAND]", "print this, or a command's own help", "", helpCommand},
		{"proxy", "proxy [OPTION...] TARGET...", "", proxyHelp,
			func(c call) int { return proxy.Main(c.args) }},
		{"broken", "broken MESSAGE...", "", brokenHelp, broken},
		{"apply", apply.Usage, "", apply.Help,
			func(c call) int { return apply.Main(c.args) }},
	}
}

func find(name string) (command, bool) {
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

// explain prints one command's own help.
func (c command) explain(w io.Writer) {
	if c.name == "help" {
		printHelp(w)
		return
	}
	fmt.Fprintf(w, "usage: podman-ondemand %s\n\n%s", c.usage, c.long)
}

func helpCommand(c call) int {
	if len(c.args) == 0 {
		printHelp(c.stdout)
		return 0
	}
	about, ok := find(c.args[0])
	if !ok {
		return unknown(c.args[0], c.stderr)
	}
	about.explain(c.stdout)
	return 0
}

func printVersion(c call) int {
	fmt.Fprintln(c.stdout, "podman-ondemand", version)
	return 0
}

// printHelp prints the list of commands; it fits into 80 columns.
func printHelp(w io.Writer) {
	fmt.Fprint(w, `podman-ondemand starts a container when somebody connects to its port, and
stops it when nobody has used it for a while. One file per application:

  ~/.config/containers/systemd/web.ondemand
      [Container]
      Image=docker.io/library/httpd:2.4
      PublishPort=8080:80

  systemctl --user daemon-reload
  curl http://localhost:8080/

commands:
`)
	for _, c := range commands() {
		if c.help != "" {
			fmt.Fprintf(w, "  %-38s %s\n", c.usage, c.help)
		}
	}
	fmt.Fprint(w, `
Each command has its own --help. Called with one or three absolute paths it is
a generator of systemd (systemd.generator(7)).
`)
}

const generateHelp = `Reads the .ondemand files as the generator would after a daemon-reload and
prints the units instead of writing them. Everything wrong in the files goes to
stderr with file, line and column; the exit status is then 1.

  --dry-run  required: only systemd makes this program write units
  --user     as for a user's service manager (the default, but for root)
  --system   as for the system's
`

const proxyHelp = `Run by NAME-proxy.service, not by people: takes the sockets that systemd has
opened, forwards their connections into the container and exits when nobody has
used it for a while. TARGETs are in the order of the sockets: a port in the
container, or the path of a Unix socket. NAME-proxy.service shows how it is
called: systemctl --user cat NAME-proxy.service
`

const brokenHelp = `Run in the place of a container by the NAME.service of a file with errors, not
by people: prints the messages and fails, so that systemctl status shows them.
`

func broken(c call) int {
	for _, message := range c.args {
		fmt.Fprintf(c.stderr, "<3>%s\n", message)
	}
	return 1
}
