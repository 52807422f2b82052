package generator

import (
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// separate finds the applications that would keep themselves awake for ever,
// because what they need needs them in turn. It leaves each of them to its
// connections alone, warns, and returns their places in apps.
func separate(apps []emit.Application, diags []parser.Diags) (found []int) {
	g := needs{}
	for i, app := range apps {
		if !diags[i].HasErrors() && len(app.Needs()) > 0 {
			g[app.Name] = app
		}
	}
	for i := range apps {
		app := &apps[i]
		if g[app.Name].Source != app.Source {
			continue
		}
		for _, n := range app.Needs() {
			if other := instanceOf(n.Name, app.Name); g.leads(other, app.Name, map[string]bool{}) {
				diags[i].Warnf(n.Pos, "%s needs %s in turn: they do not keep each other awake, only connections do", g.of(other).Source, app.Name).
					Hintf("leave one of the references out")
				app.Alone = true
			}
		}
		if app.Alone {
			diags[i].Sort()
			found = append(found, i)
		}
	}
	return found
}

// needs are the applications that need others, by name.
type needs map[string]emit.Application

// of is the application of that name, an instance's be it by its template.
func (g needs) of(name string) emit.Application {
	if app, ok := g[name]; ok {
		return app
	}
	prefix, _, _ := strings.Cut(name, "@")
	return g[prefix+"@"]
}

// leads says whether from is the application to, or needs it, be it by way of
// others.
func (g needs) leads(from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	for _, n := range g.of(from).Needs() {
		if g.leads(instanceOf(n.Name, from), to, seen) {
			return true
		}
	}
	return false
}

// instanceOf is the application that name stands for in a reference of another
// one: a template's name is that of the same instance.
func instanceOf(name, from string) string {
	_, instance, _ := strings.Cut(from, "@")
	if strings.HasSuffix(name, "@") {
		return name + instance
	}
	return name
}
