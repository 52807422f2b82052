package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"podman-ondemand/parser"
)

func explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "explain [SECTION.]KEY",
		Short:             "Say what a key of the file means",
		Long:              "Says what a key of an .ondemand file means, in each section that has it.",
		Example:           "  podman-ondemand explain OnDemand.IdleTimeout",
		GroupID:           groupFiles,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeKeys,
		RunE:              func(c *cobra.Command, args []string) error { return explain(c.OutOrStdout(), args[0]) },
	}
}

// completeKeys offers keys, with the section where that is what the word begins with.
func completeKeys(_ *cobra.Command, given []string, word string) (names []string, _ cobra.ShellCompDirective) {
	for _, k := range parser.Keys {
		full := k.Section + "." + k.Name
		switch {
		case len(given) > 0:
		case strings.HasPrefix(full, word):
			names = append(names, full+"\t"+k.Doc)
		case strings.HasPrefix(k.Name, word):
			names = append(names, k.Name+"\t"+k.Doc)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func explain(w io.Writer, word string) error {
	section, name, both := strings.Cut(strings.TrimSuffix(word, "="), ".")
	if !both {
		section, name = "", section
	}
	found := false
	var names []string
	for _, k := range parser.Keys {
		names = append(names, k.Name)
		if strings.EqualFold(k.Name, name) && (section == "" || strings.EqualFold(k.Section, section)) {
			found = true
			explainKey(w, k)
		}
	}
	if found {
		return nil
	}
	hint := ""
	if near := parser.Nearest(name, slices.Compact(names)); near != "" {
		hint = ", did you mean " + near + "=?"
	}
	return fmt.Errorf("no key %s%s\n[Unit] and [Service] are systemd.unit(5) and systemd.service(5), [Socket] is systemd.socket(5)", word, hint)
}

func explainKey(w io.Writer, k parser.Key) {
	fmt.Fprintf(w, "[%s] %s=\n    %s\n", k.Section, k.Name, k.Doc)
	if k.Arg != "" {
		fmt.Fprintf(w, "    podman run %s\n", strings.ReplaceAll(k.Arg, "%s", "VALUE"))
	}
	if k.Needs != "" {
		fmt.Fprintf(w, "    Needs podman %s\n", k.Needs)
	}
	if k.Since != "" {
		fmt.Fprintf(w, "    In podman's Quadlet since %s\n", k.Since)
	}
}
