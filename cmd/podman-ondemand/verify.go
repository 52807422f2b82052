package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"podman-ondemand/verify"
)

func verifyCommand() *cobra.Command {
	var scope scopeFlags
	var o verify.Options
	var format formatFlag
	c := &cobra.Command{
		Use:   "verify [FILE|DIR...]",
		Short: "Say what is wrong with .ondemand files",
		Long: `Says what the generator would say of these files and of those in these
directories, or of all files that count here; what systemd says about the units
that they become; and what only this machine can tell: a path, an image or a
secret that is not there, a port that is taken or needs root.

A file is judged with what lies beside it and in the search path. Nothing is
started or written, and no registry is asked: of an image that is not here only
the name is looked at. The exit status is 1 if there is an error, 2 if the
command line is wrong.`,
		Example: `  podman-ondemand verify
  podman-ondemand verify --strict web.ondemand`,
		GroupID: groupFiles,
		RunE: func(c *cobra.Command, paths []string) error {
			o.Scope, o.Paths, o.JSON = scope.scope(), paths, format.json
			wrong, err := verify.Main(c.Context(), c.OutOrStdout(), o)
			switch {
			case verify.IsMisuse(err):
				fmt.Fprintf(c.ErrOrStderr(), "Error: %v\n", err)
				return exitStatus(misused)
			case err == nil && wrong:
				return exitStatus(failed)
			}
			return err
		},
	}
	c.Flags().BoolVar(&o.Strict, "strict", false, "treat warnings as errors")
	format.add(c)
	scope.add(c)
	return c
}

// formatFlag is --format of a command whose answer is a text or JSON.
type formatFlag struct{ json bool }

func (f *formatFlag) String() string {
	if f.json {
		return "json"
	}
	return "text"
}

// Set reads the value of the option.
func (f *formatFlag) Set(value string) error {
	if value != "text" && value != "json" {
		return errors.New("write text or json")
	}
	f.json = value == "json"
	return nil
}

// Type is what the help calls the value.
func (f *formatFlag) Type() string { return "FORMAT" }

func (f *formatFlag) add(c *cobra.Command) {
	c.Flags().Var(f, "format", "text or json")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
}
