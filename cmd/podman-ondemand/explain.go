package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"podman-ondemand/parser"
)

func explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [SECTION.]KEY|SECTION",
		Short: "Say what a key of the file means",
		Long: `Says what a key of an .ondemand file means, in each section that has it, or what
the keys of a section mean.`,
		Example: `  podman-ondemand explain OnDemand.IdleTimeout
  podman-ondemand explain OnDemand`,
		GroupID:           groupFiles,
		Args:              aKey,
		ValidArgsFunction: completeKeys,
		RunE:              func(c *cobra.Command, args []string) error { return explain(c.OutOrStdout(), args[0]) },
	}
}

// aKey checks that there is one word.
func aKey(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("name a key or a section, for example Volume or OnDemand")
	}
	return nil
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
		if explainSection(w, strings.Trim(name, "[]")) {
			return nil
		}
	}
	found := false
	var names, elsewhere []string
	for _, k := range parser.Keys {
		names = append(names, k.Name)
		switch {
		case !strings.EqualFold(k.Name, name):
		case section == "" || strings.EqualFold(k.Section, section):
			found = true
			explainKey(w, k)
		default:
			elsewhere = append(elsewhere, "["+k.Section+"]")
		}
	}
	if found {
		return nil
	}
	hint := ""
	if near := parser.Nearest(name, slices.Compact(names)); len(elsewhere) > 0 {
		hint = ", but in " + strings.Join(elsewhere, " and ")
	} else if near != "" {
		hint = ", did you mean " + near + "=?"
	}
	return fmt.Errorf("no key %s%s\n[Unit] and [Service] are systemd.unit(5) and systemd.service(5), [Socket] is systemd.socket(5)", word, hint)
}

// explainSection says what the keys of a section mean; false: it is none of those with keys that are not systemd's.
func explainSection(w io.Writer, name string) (found bool) {
	for _, k := range parser.Keys {
		if strings.EqualFold(k.Section, name) {
			found = true
			fmt.Fprintf(w, "%s=\n    %s\n", k.Name, k.Doc)
		}
	}
	return found
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
