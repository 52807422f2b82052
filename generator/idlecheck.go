package generator

import (
	"slices"
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// idleCheck reads IdleCheck=, a command in the container that can keep it awake.
func (t *translator) idleCheck() {
	ws := t.values(parser.SectionOnDemand, "IdleCheck")
	if len(ws) == 0 || t.app.Proxy != emit.OwnProxy {
		return // without our own proxy it is an error already
	}
	if ws[0].Text == "" {
		t.diags.Errorf(ws[0].Pos(), "IdleCheck=: no command")
		return
	}
	if t.app.IdleTimeout == parser.Infinity {
		t.diags.Warnf(ws[0].Pos(), "IdleCheck= has no effect with IdleTimeout=infinity, which never puts it to sleep").
			Hintf("leave one of the two out")
	}
	check := emit.IdleCheck{Command: written(ws)}
	switch {
	case t.app.Existing != "":
		if !t.checkInside(ws[0]) {
			return
		}
	case t.section == parser.SectionPod:
		name, ok := t.checkedMember(ws[0])
		if !ok {
			return
		}
		check.Member = t.unitOf(name)
	}
	t.app.IdleCheck = check
}

// checkInside says whether an existing unit has a container to run a command in.
func (t *translator) checkInside(check parser.Word) bool {
	w, ok := t.one(parser.SectionOnDemand, "Container")
	switch {
	case !ok:
		t.diags.Errorf(check.Pos(), "IdleCheck= beside Unit= without Container=").
			Hintf("Container= names the container that the command runs in")
	case strings.HasSuffix(w.Text, ".pod"):
		t.diags.Errorf(check.Pos(), "IdleCheck= cannot run in %s: a pod is several containers", w.Text).
			Hintf("let Container= name one of them, which has the same network")
	default:
		return true
	}
	return false
}

// checkedMember is the container of the pod that Container= names, or the only
// one.
func (t *translator) checkedMember(check parser.Word) (name string, ok bool) {
	names := t.memberNames()
	w, ok := t.one(parser.SectionOnDemand, "Container")
	switch {
	case ok && slices.Contains(names, w.Text):
		return w.Text, true
	case ok:
		d := t.diags.Errorf(w.Pos(), "Container=%s: there is no [Container %s]", w.Text, w.Text)
		if near := parser.Nearest(w.Text, names); near != "" {
			d.Hintf("did you mean %s?", near)
		}
	case len(names) == 1:
		return names[0], true
	default:
		t.diags.Errorf(check.Pos(), "IdleCheck= in a pod without Container=").
			Hintf("write the NAME of the [Container NAME] that the command runs in")
	}
	return "", false
}

// checksMember says whether key, Container=, is about the container of a pod that
// IdleCheck= runs in.
func (t *translator) checksMember(key string) bool {
	return key == "Container" && t.section == parser.SectionPod && t.hasIdleCheck()
}

func (t *translator) hasIdleCheck() bool {
	return len(t.values(parser.SectionOnDemand, "IdleCheck")) > 0
}
