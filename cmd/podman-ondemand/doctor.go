package main

import (
	"github.com/spf13/cobra"

	"podman-ondemand/doctor"
)

func doctorCommand() *cobra.Command {
	var scope scopeFlags
	var format formatFlag
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look whether everything is there that is needed",
		Long: `Looks whether systemd, podman, the settings of this user and of this machine are
as podman-ondemand needs them. Each line is ok, a warning or an error, with the
commands below it that mend it. Nothing is changed. The exit status is 1 if
there is an error.`,
		Example: "  podman-ondemand doctor",
		GroupID: groupSetup,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			wrong, err := doctor.Main(c.Context(), c.OutOrStdout(),
				doctor.Options{Scope: scope.scope(), JSON: format.json, Version: version})
			if err == nil && wrong {
				return exitStatus(failed)
			}
			return err
		},
	}
	format.add(c)
	scope.add(c)
	return c
}
