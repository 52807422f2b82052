package generator

import (
	"slices"
	"strings"

	"podman-ondemand/parser"
)

// existing reads [OnDemand] Unit=: the application is a unit that is there
// already, or that Quadlet makes, and only woken and put to sleep.
func (t *translator) existing() {
	w, ok := t.one(parser.SectionOnDemand, "Unit")
	if !ok {
		t.withoutUnit()
		return
	}
	t.app.Existing = w.Text
	if r, ok := t.reference(w, w.Text, ".container", ".pod", ".kube"); ok {
		if r.service != "" { // else the message is there, and it is no container of ours all the same
			t.app.Existing = r.service
		}
	} else if !strings.HasSuffix(w.Text, ".service") || !t.unitName(w, "Unit") {
		t.diags.Errorf(w.Pos(), "Unit=%s cannot be woken", w.Text).
			Hintf("name a .service, or the .container, .pod or .kube file of a Quadlet")
	}
	t.app.Inside = t.inside()
	for _, s := range t.file.Sections {
		if slices.Contains([]string{parser.SectionContainer, parser.SectionPod, parser.SectionService}, s.Name) {
			t.diags.Errorf(s.Pos, "[%s] beside Unit=", s.Title()).Hintf("what it says belongs to %s", w.Text)
		}
	}
}

// withoutUnit refuses what is about a unit that is there already.
func (t *translator) withoutUnit() {
	for _, k := range []struct{ key, hint string }{
		{"Target", "ContainerPort= names a port of the container"},
		{"Container", "[Container] says what to run"},
	} {
		if ws := t.values(parser.SectionOnDemand, k.key); len(ws) > 0 && !t.checksMember(k.key) {
			t.diags.Errorf(ws[0].Pos(), "%s= without Unit=", k.key).Hintf("%s", k.hint)
		}
	}
}

// inside reads [OnDemand] Container=: a container's name or its file's, or a
// pod's file, which stands for the container that holds the pod's namespaces.
func (t *translator) inside() string {
	w, ok := t.one(parser.SectionOnDemand, "Container")
	if !ok {
		return ""
	}
	if r, ok := t.reference(w, w.Text, ".container", ".pod"); ok {
		t.insidePod = r.inPod || strings.HasSuffix(w.Text, ".pod")
		if strings.HasSuffix(w.Text, ".pod") {
			return r.resource + "-infra" // Quadlet's --infra-name
		}
		return r.resource
	}
	t.containerName(w, "Container")
	return w.Text
}
