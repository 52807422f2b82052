package main

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"podman-ondemand/control"
)

func logsCommand() *cobra.Command {
	var f appFlags
	var follow bool
	var lines string
	c := &cobra.Command{
		Use:     "logs NAME...",
		Short:   "Show what the container and the proxy say",
		Long:    "Shows what the container and its proxy have written to the journal, with\njournalctl(1), in the order of time.",
		Example: "  podman-ondemand logs -f web",
		GroupID: groupApps,
		Args:    f.names,
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := interruptible()
			defer cancel()
			s, apps, err := f.chosen(ctx, args)
			if err != nil {
				return err
			}
			return become(logsArgs(s.Host, apps, follow, lines))
		},
	}
	c.ValidArgsFunction = f.complete
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until Ctrl-C")
	c.Flags().StringVarP(&lines, "lines", "n", "", "the last `NUMBER` of lines, or all")
	f.add(c)
	return c
}

func logsArgs(h control.Host, apps []control.App, follow bool, lines string) []string {
	args := []string{"journalctl", h.Scope.String()}
	if follow {
		args = append(args, "--follow")
	}
	if lines != "" {
		args = append(args, "--lines="+lines)
	}
	var units []string
	for _, a := range apps {
		units = append(units, a.Services()...)
	}
	return append(args, h.Matches(units)...)
}

// become replaces this program by another one.
func become(args []string) error {
	path, err := exec.LookPath(args[0])
	if err == nil {
		err = unix.Exec(path, args, os.Environ())
	}
	return fmt.Errorf("%s: %w", args[0], err)
}
