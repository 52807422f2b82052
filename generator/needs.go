package generator

import (
	"slices"
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// referOwn reads what a reference to one of our own files stands for. Like a
// file of Quadlet it is looked at for its names only.
func (t *translator) referOwn(src Source) referred {
	file, _ := src.parse()
	o := translator{file: file, files: t.files, section: parser.SectionContainer}
	if hasPod(file) {
		o.section = parser.SectionPod
	}
	o.app.Source = src.Path
	o.name()
	o.existing()
	r := referred{own: o.app.Name, service: o.app.Existing, resource: o.app.Inside}
	if o.proxy(); o.app.Proxy != emit.OwnProxy {
		r.own = "" // another proxy does not know who wants it
	}
	r.proxy, r.accept, r.inPod = o.app.Proxy, o.app.Accept, o.insidePod
	if r.service != "" {
		return r
	}
	r.service = emit.UnitName(o.app.Name, "", ".service")
	if o.section == parser.SectionPod {
		r.inPod = true
		return r
	}
	_, r.inPod = file.Last(parser.SectionContainer, "Pod")
	// The name is used in another unit, where %N would be that one's.
	if w, ok := o.one(parser.SectionContainer, "ContainerName"); ok {
		r.resource = strings.ReplaceAll(w.Text, "%N", strings.TrimSuffix(r.service, ".service"))
	} else {
		k, _ := kindOf(src.Path)
		r.resource = strings.ReplaceAll(k.defaultName(o.app.Name), ":", "_")
	}
	return r
}

// otherContainer resolves Network=FILE where the file is another container's,
// and that must run before this one: its name.
func (t *translator) otherContainer(w parser.Word, name string) (string, bool) {
	r, ok := t.reference(w, name, ".container", Extension)
	if ok {
		t.mayJoin(w, name, r)
	}
	t.requireUnit(r.service)
	if !strings.HasSuffix(name, Extension) || r.service == "" {
		return r.resource, ok
	}
	t.app.Container.Inside = r.service
	t.wakes(w, name, r)
	if r.resource == "" && !r.inPod {
		t.diags.Errorf(w.Pos(), "Network=%s: no container is named there", w.Text).
			Hintf("write Container= in [OnDemand] there")
	}
	return r.resource, ok
}

// mayJoin refuses what podman would refuse when the container starts.
func (t *translator) mayJoin(w parser.Word, name string, r referred) {
	switch {
	case t.section == parser.SectionPod || t.joins:
		t.diags.Errorf(w.Pos(), "Network=%s: a pod has a network of its own", w.Text).
			Hintf("use an address where %s listens", name)
	case r.inPod:
		t.diags.Errorf(w.Pos(), "Network=%s: only the containers of a pod can be in its network", w.Text).
			Hintf("make it a container of that pod, or use an address where %s listens", name)
	}
}

// wakes keeps what w refers to awake for as long as the container runs. Where
// that has a proxy which does not know who wants it, it may stay awake for ever.
func (t *translator) wakes(w parser.Word, name string, r referred) {
	switch {
	case r.own != "":
		t.keepAwake(emit.Needed{Name: r.own, Pos: w.Pos()})
	case r.proxy == emit.SocketProxyd:
		t.diags.Warnf(inWord(w, name), "%s is woken, and sleeps again only after a connection to it", name).
			Hintf("leave Proxy=systemd-socket-proxyd out there")
	}
}

// dependOn is for a dependency of [Unit] on another application: its proxy has
// to run where its service does, or nobody would put that to sleep again. What
// it returns belongs behind the service in the list. The proxy is up when the
// application answers, which is what After= is meant to wait for. And it has open
// connections, which get their time when Conflicts= ends it.
func (t *translator) dependOn(key string, w parser.Word, r referred) (more string) {
	switch key {
	case "Wants", "Requires", "BindsTo", "Upholds":
		t.wakes(w, w.Text, r)
	}
	switch key {
	case "After", "Upholds", "Conflicts":
		if r.own != "" {
			return " " + emit.Needed{Name: r.own}.Proxy()
		}
	}
	return ""
}

func (t *translator) keepAwake(n emit.Needed) {
	if !slices.ContainsFunc(t.app.KeepsAwake, func(o emit.Needed) bool { return o.Name == n.Name }) {
		t.app.KeepsAwake = append(t.app.KeepsAwake, n)
	}
}
