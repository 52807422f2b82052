package main

import (
	"github.com/spf13/cobra"

	"podman-ondemand/install"
)

func installCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "install",
		Short:   "Set up for this user, without root",
		Long:    install.Help,
		Example: "  podman-ondemand install && loginctl enable-linger",
		GroupID: groupSetup,
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return ended(install.Install(version)) },
	}
}

func uninstallCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "uninstall",
		Short:   "Undo that; .ondemand files stay",
		Long:    install.UninstallHelp,
		Example: "  podman-ondemand uninstall",
		GroupID: groupSetup,
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return ended(install.Uninstall()) },
	}
}
