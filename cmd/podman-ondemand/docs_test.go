package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"podman-ondemand/packaging/examples"
)

// TestCommandsInDocs: each call of the program in the documents and in the examples of the help is one that it understands.
func TestCommandsInDocs(t *testing.T) {
	calls, err := examples.Commands("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(calls) < 5 {
		t.Errorf("only %d calls in the documents", len(calls))
	}
	for _, c := range calls {
		understood(t, c.Place, c.Words)
	}
	for _, c := range newRoot().Commands() {
		for line := range strings.Lines(c.Example) {
			for _, words := range examples.Calls(line) {
				understood(t, c.Name()+" --help", words)
			}
		}
	}
}

// understood expects that the command and its options are there, and that it takes the arguments.
func understood(t *testing.T, place string, words []string) {
	t.Helper()
	root := newRoot()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.InitDefaultVersionFlag()
	c, rest, err := root.Find(words)
	if err == nil {
		err = parsed(c, rest)
	}
	if err != nil {
		t.Errorf("%s: podman-ondemand %s: %v", place, strings.Join(words, " "), err)
	}
}

func parsed(c *cobra.Command, rest []string) error {
	if c.DisableFlagsInUseLine && c.Hidden { // a command of units reads its own arguments
		return nil
	}
	c.InitDefaultHelpFlag()
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	if help, _ := c.Flags().GetBool("help"); help {
		return nil
	}
	return c.ValidateArgs(c.Flags().Args())
}
