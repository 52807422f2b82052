package generator

import (
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// need notes something of the host without which podman does not start the container, as the key named it. name is in the
// form of a word of ExecStart=: specifiers and variables are still in it.
func (t *translator) need(w parser.Word, name string) {
	t.app.Needs = append(t.app.Needs, emit.Need{Key: w.Key(), Name: name, Pos: w.Pos()})
}

// needPath notes a path of the host, with whatever has a path's form.
func (t *translator) needPath(w parser.Word, path string) {
	if strings.HasPrefix(path, "/") || strings.HasPrefix(path, "%") && !strings.HasPrefix(path, "%%") {
		t.need(w, path)
	}
}

// needs notes what the keys say that arguments of podman are made of.
func (t *translator) needs(k parser.Key, ws []parser.Word) {
	switch k.Name {
	case "Secret":
		for _, w := range ws {
			name, _, _ := strings.Cut(w.Text, ",")
			t.need(w, name)
		}
	case "SeccompProfile":
		t.needPath(ws[0], ws[0].Text)
	}
}
