package generator

import (
	"strconv"
	"strings"

	"podman-ondemand/parser"
)

// remapUsers reads the keys of the first Quadlets, of which UserNS=, UIDMap= and
// GIDMap= have taken the place (podman-systemd.unit(5) of podman 4.4).
func (t *translator) remapUsers(w parser.Word) {
	t.diags.Warnf(w.Pos(), "RemapUsers= is deprecated").Hintf("write UserNS=, or UIDMap= and GIDMap=")
	for _, key := range []string{"UserNS", "UIDMap", "GIDMap", "SubUIDMap", "SubGIDMap"} {
		if ws := t.values(t.section, key); len(ws) > 0 {
			t.diags.Errorf(ws[0].Pos(), "%s= and RemapUsers= are both set", key).Hintf("keep %s=", key)
		}
	}
	uids := t.values(t.section, "RemapUid")
	gids := t.values(t.section, "RemapGid")
	switch w.Text {
	case "manual":
		t.each("--uidmap", uids)
		t.each("--gidmap", gids)
	case "auto":
		options := append(assign("uidmapping", uids), assign("gidmapping", gids)...)
		t.userns("auto", append(options, t.remapSize()...))
	case "keep-id":
		t.oneRemap("RemapUid", uids)
		t.oneRemap("RemapGid", gids)
		t.userns("keep-id", append(assign("uid", uids), assign("gid", gids)...))
	default:
		t.diags.Errorf(w.Pos(), "RemapUsers=: not known: %q", w.Text).Hintf("write manual, auto or keep-id, or better UserNS=")
	}
}

// remapAlone refuses the mappings without the key that says what they are for.
// A size alone does no harm.
func (t *translator) remapAlone(k parser.Key, w parser.Word) {
	_, ok := t.one(t.section, "RemapUsers")
	switch {
	case ok:
	case k.Name == "RemapUidSize":
		t.diags.Warnf(w.Pos(), "%s= without RemapUsers=, ignored", k.Name).Hintf("%s", k.Doc)
	default:
		t.diags.Errorf(w.Pos(), "%s= without RemapUsers=", k.Name).Hintf("%s", k.Doc)
	}
}

func (t *translator) each(flag string, ws []parser.Word) {
	for _, w := range ws {
		t.run(flag, w.Text)
	}
}

func (t *translator) userns(mode string, options []string) {
	if len(options) > 0 {
		mode += ":" + strings.Join(options, ",")
	}
	t.run("--userns", mode)
}

func assign(name string, ws []parser.Word) []string {
	var options []string
	for _, w := range ws {
		options = append(options, name+"="+w.Text)
	}
	return options
}

func (t *translator) oneRemap(name string, ws []parser.Word) {
	if len(ws) > 1 {
		t.diags.Errorf(ws[1].Pos(), "%s= takes one value with RemapUsers=keep-id", name)
	}
}

func (t *translator) remapSize() []string {
	w, ok := t.one(t.section, "RemapUidSize")
	if !ok {
		return nil
	}
	n, err := strconv.ParseUint(w.Text, 0, 32)
	if err != nil {
		t.diags.Errorf(w.Pos(), "RemapUidSize=: not a whole number: %q", w.Text)
	}
	if n == 0 {
		return nil
	}
	return []string{"size=" + strconv.FormatUint(n, 10)}
}
