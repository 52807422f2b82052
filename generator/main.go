package generator

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// memoryLimit is where the garbage collector comes back, in bytes.
const memoryLimit = 256 << 20

// Main is the generator: args are the directories that systemd gives it
// (systemd.generator(7)), of which the first is written to. It returns the exit
// status, 1 if anything was wrong.
func Main(args []string) int {
	debug.SetGCPercent(-1) // it lives for milliseconds
	debug.SetMemoryLimit(memoryLimit)
	env := surroundings("")
	log := newLogger(env)
	r := run(env)
	r.Diags = append(r.Diags, write(args[0], r.Trees)...)
	for _, d := range r.Diags {
		log(d)
	}
	return status(r.Diags)
}

// DryRun is "podman-ondemand generate": it prints what the generator would
// write, and returns the exit status.
func DryRun(args []string) int {
	flags := flag.NewFlagSet("podman-ondemand generate", flag.ContinueOnError)
	dry := flags.Bool("dry-run", false, "print the units instead of writing them")
	user := flags.Bool("user", false, "as for a user's manager")
	system := flags.Bool("system", false, "as for the system's manager")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if !*dry || flags.NArg() > 0 || *user && *system {
		fmt.Fprintln(os.Stderr, "usage: podman-ondemand generate --dry-run [--user|--system]")
		return 2
	}
	scope := ""
	if *user {
		scope = "user"
	} else if *system {
		scope = "system"
	}
	r := run(surroundings(scope))
	out := bufio.NewWriter(os.Stdout)
	show(out, r.Trees)
	if err := out.Flush(); err != nil {
		r.Diags.Errorf(parser.Pos{File: "stdout"}, "%v", err)
	}
	for _, d := range r.Diags {
		toStderr(d)
	}
	return status(r.Diags)
}

func run(env environment) Result {
	dirs, diags := env.dirs()
	sources, files, found := find(dirs)
	files.unitDirs = env.unitDirs()
	r := Generate(sources, files, emit.Options{Podman: env.podman, Program: env.program, User: env.user})
	r.Diags = slices.Concat(diags, found, r.Diags)
	return r
}

func status(ds parser.Diags) int {
	if ds.HasErrors() {
		return 1
	}
	return 0
}

// show prints trees in the form of Quadlet's -dryrun.
func show(w io.Writer, trees []Tree) {
	for _, t := range trees {
		for _, u := range t.Units {
			fmt.Fprintf(w, "---%s---\n%s\n", u.Name, u.AppendText(nil))
		}
		for _, l := range t.Links {
			fmt.Fprintf(w, "---%s -> %s---\n\n", l.Path, l.Target)
		}
	}
}
