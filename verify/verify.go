// Package verify says what is wrong with .ondemand files on this machine: what the generator says, what systemd says about
// the units, and what only the machine can tell. Nothing is started, nothing is pulled, no registry is asked.
package verify

import (
	"context"
	"slices"

	"podman-ondemand/apply"
	"podman-ondemand/generator"
	"podman-ondemand/manager"
	"podman-ondemand/parser"
)

// Host is the machine as this package sees it; tests make their own.
type Host struct {
	Scope manager.Scope
	// Systemd is nil where no manager answers: then a port that one of our sockets has looks taken.
	Systemd manager.Interface
	// Exists returns the error of stat(2) for a path.
	Exists func(path string) error
	// Podman runs podman and returns its exit status; the error is that it could not be run, or not in time.
	Podman func(ctx context.Context, args ...string) (status int, err error)
	// Bindable gives the reason why an address cannot be listened on.
	Bindable func(manager.Listening) error
	// FirstPort is the first port that a process without privileges may listen on (ip_unprivileged_port_start).
	FirstPort int
	// ShortNames is asked for where a short name is met.
	ShortNames func() ShortNames
	// Specifiers are the values of those that are the same in all units, by their letter.
	Specifiers map[byte]string
	// Analyze runs systemd-analyze(1) verify on the units of a result, in the order of its lines; nil where there is none.
	Analyze func(context.Context, generator.Result) ([]string, error)
}

// Check returns the messages of a result, with those that the host adds, in the order of the files.
func (h Host) Check(ctx context.Context, r generator.Result) parser.Diags {
	c := checker{Host: h, ctx: ctx, diags: slices.Clone(r.Diags), podmanSaid: map[string]answer{}}
	for _, t := range r.Trees {
		if t.Source != "" && len(t.App.Broken) == 0 {
			c.needs(t.App)
			c.socketProxyd(t)
			c.ports(t)
		}
	}
	c.systemd(r)
	return arrange(c.diags, r.Sources())
}

// checker collects what is wrong.
type checker struct {
	Host
	ctx        context.Context
	diags      parser.Diags
	podmanSaid map[string]answer
}

// arrange puts messages in the order of the applications, of their files and of the lines; what is about a file as a whole
// comes last, as it is what follows from the rest.
func arrange(ds parser.Diags, sources []generator.Tree) parser.Diags {
	rank := map[string]int{}
	for _, t := range sources {
		for _, file := range t.Files {
			if _, ok := rank[file]; !ok {
				rank[file] = len(rank) + 1
			}
		}
	}
	slices.SortStableFunc(ds, func(a, b parser.Diag) int {
		if n := rank[a.Pos.File] - rank[b.Pos.File]; n != 0 {
			return n
		}
		return line(a) - line(b)
	})
	return slices.Compact(ds)
}

func line(d parser.Diag) int {
	if d.Pos.Line == 0 {
		return 1 << 30
	}
	return d.Pos.Line
}

// Bindable is what Host has on a real machine.
var Bindable = apply.Bindable
