package main

import (
	"io"

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
		RunE: func(c *cobra.Command, _ []string) error {
			return ended(install.Install(version, completions(c.Root())))
		},
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
		RunE:    func(c *cobra.Command, _ []string) error { return ended(install.Uninstall(completions(c.Root()))) },
	}
}

// completions are those of the shells that look into a home directory for them; zsh searches none by itself.
func completions(root *cobra.Command) []install.Completion {
	return []install.Completion{
		{File: "bash-completion/completions/podman-ondemand", Write: func(w io.Writer) error { return root.GenBashCompletionV2(w, true) }},
		{File: "fish/vendor_completions.d/podman-ondemand.fish", Write: func(w io.Writer) error { return root.GenFishCompletion(w, true) }},
	}
}
