package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"podman-ondemand/control"
	"podman-ondemand/manager"
)

// The exit statuses for a person: 0 is all well, 1 something is wrong, 2 the command line is; those of "status" are
// systemctl's.
const (
	failed     = 1
	misused    = 2
	absent     = 4 // there is no such application (systemctl status)
	groupApps  = "apps"
	groupFiles = "files"
	groupSetup = "setup"
)

// exitStatus ends a command that has already said what is wrong.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// ended makes the error of an exit status, nil for 0.
func ended(status int) error {
	if status == 0 {
		return nil
	}
	return exitStatus(status)
}

func runForPerson(args []string, stdout, stderr io.Writer) int {
	root, started := newRoot(), false
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		err := c.ValidateFlagGroups() // cobra itself asks when it is too late to call it misuse
		started = err == nil
		return err
	}
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	c, err := root.ExecuteContextC(context.Background())
	var status exitStatus
	var unknown *control.NoSuchError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintf(stderr, "Error: %v\n", err)
	if errors.As(err, &unknown) {
		return absent
	}
	if started {
		return failed
	}
	fmt.Fprintf(stderr, "See '%s --help'\n", c.CommandPath())
	return misused
}

// newRoot makes the whole command line; in the help the commands of a group stand in the order in which they are added.
func newRoot() *cobra.Command {
	cobra.EnableCommandSorting = false
	root := &cobra.Command{
		Use:           "podman-ondemand",
		Short:         "Start rootless containers at their first connection",
		Long:          rootHelp,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Run:           func(c *cobra.Command, _ []string) { _ = c.Help() },
	}
	root.SetVersionTemplate("podman-ondemand {{.Version}}\n")
	root.AddGroup(
		&cobra.Group{ID: groupApps, Title: "Applications:"},
		&cobra.Group{ID: groupFiles, Title: "Files:"},
		&cobra.Group{ID: groupSetup, Title: "Setting up:"},
	)
	root.SetHelpCommandGroupID(groupSetup)
	root.SetCompletionCommandGroupID(groupSetup)
	root.AddCommand(appCommands()...)
	root.AddCommand(
		verifyCommand(),
		generateCommand(),
		explainCommand(),
		convertCommand(),

		doctorCommand(),
		installCommand(),
		uninstallCommand(),
		versionCommand(),
	)
	for _, c := range unitCommands {
		root.AddCommand(c.forPerson())
	}
	return root
}

const rootHelp = `podman-ondemand starts a container when somebody connects to its port, and
stops it when nobody has used it for a while. One file per application:

  ~/.config/containers/systemd/web.ondemand
      [Container]
      Image=docker.io/library/httpd:2.4
      PublishPort=8080:80

  systemctl --user daemon-reload
  curl http://localhost:8080/

Called with one or three absolute paths it is a generator of systemd
(systemd.generator(7)).`

// scopeFlags are --user and --system of a command that speaks of one service manager's applications, as systemctl has them.
type scopeFlags struct{ user, system bool }

func (s *scopeFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&s.user, "user", false, "the user's service manager (default, but for root)")
	c.Flags().BoolVar(&s.system, "system", false, "the system's service manager")
	c.MarkFlagsMutuallyExclusive("user", "system")
}

// scope is the manager that is meant.
func (s *scopeFlags) scope() manager.Scope {
	if s.system || !s.user && os.Geteuid() == 0 {
		return manager.System
	}
	return manager.User
}
