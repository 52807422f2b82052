// Command podman-ondemand starts rootless containers when somebody connects and stops them when nobody does.
//
// It leads three lives: systemd calls it with directories, then it is the generator (systemd.generator(7)); a generated
// unit calls it with a command, then it is the proxy or the apply helper of one application (units.go); a person calls it
// with one (root.go, and a file for each command).
package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"

	"podman-ondemand/generator"
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
	if c, ok := findUnitCommand(args); ok {
		return c.run(args[1:])
	}
	return runForPerson(args, stdout, stderr)
}

// isGenerator says whether systemd has called: with the three directories of systemd.generator(7), or a test with one. No
// command is an absolute path, so the name of the program, which packages and users choose, decides nothing.
func isGenerator(args []string) bool {
	if len(args) != 1 && len(args) != 3 {
		return false
	}
	return !slices.ContainsFunc(args, func(a string) bool { return !filepath.IsAbs(a) })
}
