// Package control shows and moves applications as they are now: their files as the generator reads them, their units as
// systemd has them, the figures of their proxies. What is asked of systemd goes through manager.Interface, what is asked of
// the journal through Journal; everything between is free of both.
package control

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/generator"
	"podman-ondemand/parser"
)

// App is what the files say of one application: its units by what they are for.
type App struct {
	Name   string
	Source string
	Files  []string // the source, then its drop-ins

	Sockets    []string
	Proxies    []string // none with Proxy=none
	Containers []string // what the proxy stands in front of, first; then the members of a pod
	Others     []string

	Listen   []string // as in the file
	Image    string
	Existing string       // the unit that is woken in the place of a container
	Gated    bool         // not everybody may wake it
	Units    []emit.Unit  // what the files become; none where errors leave nothing
	Broken   bool         // the file has errors
	Gone     bool         // there is no file any more, and systemd has not heard of it
	Diags    parser.Diags // what is wrong with the files
}

// Apps makes the applications of what the generator would write, in the order of their names. A template is one of them
// without being able to do anything; Instances has those of it.
func Apps(r generator.Result) []App {
	var apps []App
	for _, t := range slices.Concat(r.Trees, r.NotGenerated) {
		if t.Source != "" {
			apps = append(apps, newApp(t, r.Diags))
		}
	}
	slices.SortStableFunc(apps, func(a, b App) int { return cmp.Compare(a.Name, b.Name) })
	return apps
}

func newApp(t generator.Tree, diags parser.Diags) App {
	a := App{
		Name:     t.Name,
		Source:   t.Source,
		Files:    t.Files,
		Image:    images(t.Files),
		Existing: t.App.Existing,
		Gated:    t.App.Gated(),
		Units:    t.Units,
		Broken:   len(t.App.Broken) > 0 || len(t.Units) == 0,
	}
	for _, d := range diags {
		if slices.Contains(t.Files, d.Pos.File) {
			a.Diags = append(a.Diags, d)
		}
	}
	for _, l := range t.App.Listeners {
		a.Listen = append(a.Listen, string(l.Address))
	}
	if a.Existing != "" {
		a.Containers = []string{a.Existing}
	}
	for _, u := range t.Units {
		a.sort(u)
	}
	return a
}

// sort puts a unit where it belongs. The services that podman runs in are known by the variable that it wants.
func (a *App) sort(u emit.Unit) {
	switch {
	case strings.Contains(u.Name, "/"): // a drop-in
	case strings.HasSuffix(u.Name, ".socket"):
		a.Sockets = append(a.Sockets, u.Name)
	case hasOption(u, "Environment", "PODMAN_SYSTEMD_UNIT=%n"):
		a.Containers = append(a.Containers, u.Name)
	case a.triggered(u.Name):
		a.Proxies = append(a.Proxies, u.Name)
	default:
		a.Others = append(a.Others, u.Name)
	}
}

// triggered says whether a socket of the application starts the service.
func (a *App) triggered(service string) bool {
	_, instance, _ := strings.Cut(a.Name, "@")
	for _, u := range a.Units {
		for _, s := range u.Sections {
			for _, o := range s.Options {
				if s.Name == "Socket" && o.Key == "Service" && strings.Replace(string(o.Value), "@%i.", "@"+instance+".", 1) == service {
					return true
				}
			}
		}
	}
	return false
}

func hasOption(u emit.Unit, key, value string) bool {
	for _, s := range u.Sections {
		if slices.Contains(s.Options, emit.Option{Key: key, Value: emit.Value(value)}) {
			return true
		}
	}
	return false
}

// images are those that the files name, one for each container.
func images(files []string) string {
	var names []string
	last := map[string]string{}
	for _, name := range files {
		file, _ := parser.Parse(name, readable(name))
		for _, s := range file.Sections {
			for _, e := range s.Entries {
				if s.Name == parser.SectionContainer && (e.Key == "Image" || e.Key == "Rootfs") {
					if _, known := last[s.Label]; !known {
						names = append(names, s.Label)
					}
					last[s.Label] = e.Value
				}
			}
		}
	}
	for i, name := range names {
		names[i] = last[name]
	}
	return strings.Join(names, ", ")
}

// Services are all but the sockets: what runs while it is awake.
func (a *App) Services() []string { return slices.Concat(a.Containers, a.Proxies) }

// all are its units in the order in which a person looks at them.
func (a *App) all() []string {
	return slices.Concat(a.Sockets, a.Proxies, a.Containers, a.Others)
}

// Template says whether it is one: only its instances can be used.
func (a *App) Template() bool { return strings.HasSuffix(a.Name, "@") }

// Instances puts the instances of templates that systemd knows in their place. A template with none stays away, but for a
// broken one.
func (h Host) Instances(ctx context.Context, apps []App) ([]App, error) {
	var all []App
	for _, a := range apps {
		if !a.Template() || len(a.Sockets) == 0 {
			all = append(all, a)
			continue
		}
		sockets, err := h.Manager.Units(ctx, a.Name+"*.socket")
		if err != nil {
			return nil, err
		}
		slices.Sort(sockets)
		for _, s := range sockets {
			name := strings.TrimSuffix(s, ".socket")
			if !slices.ContainsFunc(apps, func(b App) bool { return b.Name == name }) {
				all = append(all, a.instance(strings.TrimPrefix(name, a.Name)))
			}
		}
		if a.Broken && len(sockets) == 0 {
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b App) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// Gone finds the applications whose files are not there any more though systemd still has their units.
func (h Host) Gone(ctx context.Context, apps []App) (gone []App, err error) {
	known := map[string]bool{}
	for _, a := range apps {
		for _, s := range a.Sockets {
			known[s] = true
		}
	}
	sockets, err := h.Manager.Units(ctx, "*.socket")
	slices.Sort(sockets)
	for _, name := range sockets {
		if known[name] {
			continue
		}
		u, err := h.Manager.Unit(ctx, name)
		if err != nil {
			return nil, err
		}
		if path.Ext(u.SourcePath) != generator.Extension || exists(u.SourcePath) {
			continue
		}
		base := strings.TrimSuffix(name, ".socket")
		a := App{Name: base, Source: u.SourcePath, Sockets: []string{name}, Containers: []string{base + ".service"}, Gone: true}
		for _, t := range u.Triggers {
			if t != base+".service" {
				a.Proxies = append(a.Proxies, t)
			}
		}
		gone = append(gone, a)
	}
	return gone, err
}

// instance is the application that the template makes for a name.
func (a App) instance(name string) App {
	named := func(units []string) []string {
		units = slices.Clone(units)
		for i, u := range units {
			units[i] = strings.Replace(u, "@.", "@"+name+".", 1)
		}
		return units
	}
	a.Name += name
	a.Sockets, a.Proxies, a.Containers, a.Others = named(a.Sockets), named(a.Proxies), named(a.Containers), named(a.Others)
	a.Listen = slices.Clone(a.Listen)
	for i, l := range a.Listen {
		a.Listen[i] = strings.ReplaceAll(strings.ReplaceAll(l, "%i", name), "%I", name)
	}
	return a
}

// unitFile is the name under which the text of a unit of the application is found in Units.
func (a *App) unitFile(name string) (emit.Unit, bool) {
	for _, u := range a.Units {
		if u.Name == name {
			return u, true
		}
		if prefix, rest, ok := strings.Cut(name, "@"); ok && u.Name == prefix+"@"+path.Ext(rest) {
			return u, true
		}
	}
	return emit.Unit{}, false
}
