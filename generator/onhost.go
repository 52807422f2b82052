package generator

import (
	"strings"

	"podman-ondemand/emit"
	"podman-ondemand/parser"
)

// onHost notes something of the host without which podman does not start the container, as the key named it. name is in the
// form of a word of ExecStart=: specifiers and variables are still in it.
func (t *translator) onHost(w parser.Word, name string) {
	t.app.OnHost = append(t.app.OnHost, emit.HostThing{Key: w.Key(), Name: name, Pos: w.Pos()})
}

// onHostPath notes a path of the host, with whatever has a path's form.
func (t *translator) onHostPath(w parser.Word, path string) {
	if strings.HasPrefix(path, "/") || strings.HasPrefix(path, "%") && !strings.HasPrefix(path, "%%") {
		t.onHost(w, path)
	}
}

// onHostKeys notes what the keys say that arguments of podman are made of.
func (t *translator) onHostKeys(k parser.Key, ws []parser.Word) {
	switch k.Name {
	case "Secret":
		for _, w := range ws {
			name, _, _ := strings.Cut(w.Text, ",")
			t.onHost(w, name)
		}
	case "SeccompProfile":
		t.onHostPath(ws[0], ws[0].Text)
	}
}
