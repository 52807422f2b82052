package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"podman-ondemand/apply"
	"podman-ondemand/install"
	"podman-ondemand/proxy"
)

// unitCommand is a command that generated units or a package's scripts call, not people. It reads its own arguments: the command line for people
// has no part in the start of an application.
type unitCommand struct {
	usage string
	long  string
	run   func(args []string) int
	name  string
}

var unitCommands = []unitCommand{
	{name: "proxy", usage: "proxy [OPTION...] TARGET...", long: proxyHelp, run: proxy.Main},
	{name: "activate", usage: proxy.ActivateUsage, long: proxy.ActivateHelp, run: proxy.Activate},
	{name: "apply", usage: apply.Usage, long: apply.Help, run: apply.Main},
	{name: "package", usage: install.PackageUsage, long: install.PackageHelp, run: install.Package},
	{name: "broken", usage: "broken MESSAGE...", long: brokenHelp, run: broken},
}

// findUnitCommand finds the one that args call; a call for help is a person's.
func findUnitCommand(args []string) (unitCommand, bool) {
	if len(args) == 0 || len(args) == 2 && (args[1] == "--help" || args[1] == "-h") {
		return unitCommand{}, false
	}
	i := slices.IndexFunc(unitCommands, func(c unitCommand) bool { return c.name == args[0] })
	if i < 0 {
		return unitCommand{}, false
	}
	return unitCommands[i], true
}

// forPerson is the command as the help shows it to whoever asks for it by name.
func (c unitCommand) forPerson() *cobra.Command {
	return &cobra.Command{
		Use:                   c.usage,
		DisableFlagsInUseLine: true,
		Hidden:                true,
		Long:                  c.long,
		Run:                   func(*cobra.Command, []string) {},
	}
}

const proxyHelp = `Run by NAME-proxy.service, not by people: takes the sockets that systemd has
opened, forwards their connections into the container and exits when nobody has
used it for a while. TARGETs are in the order of the sockets: a port in the
container, or the path of a Unix socket. NAME-proxy.service shows how it is
called: systemctl --user cat NAME-proxy.service`

const brokenHelp = `Run in the place of a container by the NAME.service of a file with errors, not
by people: prints the messages and fails, so that systemctl status shows them.
Where it gets the sockets itself (Proxy=none) it refuses the connections.`

func broken(messages []string) int {
	for _, m := range messages {
		fmt.Fprintf(os.Stderr, "<3>%s\n", m)
	}
	proxy.Refuse()
	return 1
}
