package generator

import (
	"strings"

	"podman-ondemand/parser"
)

// existing reads [OnDemand] Unit=: the application is a unit that is there
// already, or that Quadlet makes, and only woken and put to sleep.
func (t *translator) existing() {
	w, ok := t.one(parser.SectionOnDemand, "Unit")
	if !ok {
		if ws := t.values(parser.SectionOnDemand, "Target"); len(ws) > 0 {
			t.diags.Errorf(ws[0].Pos(), "Target= without Unit=").Hintf("ContainerPort= names a port of the container")
		}
		return
	}
	t.app.Existing = w.Text
	if r, ok := t.reference(w, w.Text, ".container", ".pod", ".kube"); ok {
		t.app.Existing = r.service
	} else if !strings.HasSuffix(w.Text, ".service") || !t.unitName(w, "Unit") {
		t.diags.Errorf(w.Pos(), "Unit=%s cannot be woken", w.Text).
			Hintf("name a .service, or the .container, .pod or .kube file of a Quadlet")
	}
	for _, s := range t.file.Sections {
		if s.Name == parser.SectionContainer || s.Name == parser.SectionService {
			t.diags.Errorf(s.Pos, "[%s] beside Unit=", s.Name).Hintf("what it says belongs to %s", w.Text)
		}
	}
}
