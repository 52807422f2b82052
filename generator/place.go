package generator

import (
	"slices"

	"podman-ondemand/parser"
)

// guessListeners finds the addresses of a file with errors where the very names of its sections and keys are mistyped: the
// port that was open before was most likely meant.
func (t *translator) guessListeners() {
	u := *t
	u.file, u.diags, u.listens = mended(t.file), nil, false
	u.app.Listeners, u.app.Existing = nil, ""
	u.existing()
	u.sockets()
	if u.listens {
		t.app.Listeners, t.app.FreeBind, t.app.IPv6Only = u.app.Listeners, u.app.FreeBind, u.app.IPv6Only
		t.app.Existing, t.listens = u.app.Existing, true
	}
}

// mended is the file with the nearest name in place of each that is unknown, as the messages suggest it.
func mended(f *parser.File) *parser.File {
	g := &parser.File{Name: f.Name}
	for _, s := range f.Sections {
		if near := parser.Nearest(s.Name, parser.Sections); near != "" && !slices.Contains(parser.Sections, s.Name) {
			s.Name = near
		}
		s.Entries = slices.Clone(s.Entries)
		for i, e := range s.Entries {
			s.Entries[i].Key = parser.NearestKey(s.Name, e.Key)
		}
		g.Sections = append(g.Sections, s)
	}
	return g
}
