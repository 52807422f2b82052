// Command podman-ondemand starts rootless containers when somebody connects and stops them when nobody does.
//
// It leads three lives: systemd calls it with directories, then it is the generator (systemd.generator(7)); a generated
// unit calls it with a command, then it is the proxy or the apply helper of one application; a person calls it with one.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"podman-ondemand/generator"
	"podman-ondemand/parser"
)

// version is stamped by the linker: -ldflags "-X main.version=…".
var version = "unknown"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	if isGenerator(args) {
		return generator.Main(args)
	}
	if len(args) == 0 {
		printHelp(stderr)
		return 2
	}
	c, ok := find(alias(args[0]))
	if !ok {
		return unknown(args[0], stderr)
	}
	args = args[1:]
	if len(args) > 0 && alias(args[0]) == "help" {
		c.explain(stdout)
		return 0
	}
	return c.run(call{args, stdout, stderr})
}

func unknown(name string, stderr io.Writer) int {
	fmt.Fprintf(stderr, "podman-ondemand: there is no command %q\n", name)
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	if near := parser.Nearest(name, names); near != "" {
		fmt.Fprintf(stderr, "did you mean: podman-ondemand %s\n", near)
	}
	fmt.Fprintln(stderr, "all commands: podman-ondemand help")
	return 2
}

// isGenerator says whether systemd has called: with the three directories of systemd.generator(7), or a test with one. No
// command is an absolute path, so the name of the program, which packages and users choose, decides nothing.
func isGenerator(args []string) bool {
	if len(args) != 1 && len(args) != 3 {
		return false
	}
	return !slices.ContainsFunc(args, func(a string) bool { return !filepath.IsAbs(a) })
}

// alias gives the command that an option stands for.
func alias(arg string) string {
	switch arg {
	case "-h", "-help", "--help":
		return "help"
	case "-version", "--version":
		return "version"
	}
	return arg
}
