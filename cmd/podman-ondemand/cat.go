package main

import (
	"github.com/spf13/cobra"
)

func catCommand() *cobra.Command {
	var f appFlags
	c := &cobra.Command{
		Use:   "cat NAME...",
		Short: "Print the file and the units that it has become",
		Long: `Prints the file of an application, its drop-ins, and the units as systemd has
them with theirs, each below its path.`,
		Example: "  podman-ondemand cat web | less",
		GroupID: groupApps,
		Args:    f.names,
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := interruptible()
			defer cancel()
			s, apps, err := f.chosen(ctx, args)
			if err != nil {
				return err
			}
			for _, a := range apps {
				if err := s.Cat(ctx, c.OutOrStdout(), a); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.ValidArgsFunction = f.complete
	f.add(c)
	return c
}
