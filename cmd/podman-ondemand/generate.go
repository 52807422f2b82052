package main

import (
	"errors"

	"github.com/spf13/cobra"

	"podman-ondemand/generator"
)

func generateCommand() *cobra.Command {
	var scope scopeFlags
	var dry bool
	c := &cobra.Command{
		Use:   "generate --dry-run",
		Short: "Print the units that the files become",
		Long: `Reads the .ondemand files as the generator would after a daemon-reload and
prints the units instead of writing them. Everything wrong in the files goes to
stderr with file, line and column; the exit status is then 1.`,
		Example: "  podman-ondemand generate --dry-run | less",
		GroupID: groupFiles,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !dry {
				return errors.New("only systemd makes this program write units, by daemon-reload: add --dry-run")
			}
			return ended(generator.DryRun(c.OutOrStdout(), scope.scope()))
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "print the units (required)")
	scope.add(c)
	return c
}
