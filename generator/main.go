package generator

import (
	"bufio"
	"fmt"
	"io"
	"runtime/debug"

	"podman-ondemand/manager"
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
	r := run(env)
	r.Diags = append(r.Diags, Write(args[0], r.Trees)...)
	report(env, r.Diags)
	return status(r.Diags)
}

// DryRun is "podman-ondemand generate --dry-run": it prints what the generator
// of a manager would write, and returns the exit status.
func DryRun(w io.Writer, scope manager.Scope) int {
	r := Read(scope)
	out := bufio.NewWriter(w)
	show(out, r.Trees)
	if err := out.Flush(); err != nil {
		r.Diags.Errorf(parser.Pos{File: "stdout"}, "%v", err)
	}
	toPerson(r.Diags)
	return status(r.Diags)
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
