// Package picture draws units as Mermaid text: boxes, and an arrow for each setting by which one acts on another.
package picture

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"podman-ondemand/parser"
)

// relations are the settings that become arrows, in the order in which they are drawn. One that says what another unit does
// to its own points the other way.
var relations = []struct {
	section, key string
	from         bool // the other unit is where it starts
}{
	{"Socket", "Service", false},
	{"Unit", "Wants", false},
	{"Unit", "Upholds", false},
	{"Unit", "PropagatesStopTo", false},
	{"Unit", "StopPropagatedFrom", true},
	{"Unit", "PartOf", true},
}

// arrow is a setting; label is what is written on it.
type arrow struct{ from, label, to string }

// Draw draws the units of a generator's directory: its unit files, drop-ins and links.
func Draw(dir string) (string, error) {
	var arrows []arrow
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		more, err := arrowsOf(path, d)
		arrows = append(arrows, more...)
		return err
	})
	if err != nil {
		return "", err
	}
	return text(arrows), nil
}

// arrowsOf reads one file: X in T.wants/ is wanted by T, X in T.d/ belongs to T.
func arrowsOf(path string, d os.DirEntry) ([]arrow, error) {
	parent := filepath.Base(filepath.Dir(path))
	if d.Type()&os.ModeSymlink != 0 {
		kind := filepath.Ext(parent)
		return []arrow{{strings.TrimSuffix(parent, kind), strings.TrimPrefix(kind, "."), d.Name()}}, nil
	}
	unit := d.Name()
	if target, ok := strings.CutSuffix(parent, ".d"); ok {
		unit = target
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, _ := parser.Parse(path, content)
	var arrows []arrow
	for _, r := range relations {
		for _, e := range file.Entries(r.section) {
			for other := range strings.FieldsSeq(e.Value) {
				switch {
				case e.Key != r.key:
				case r.from:
					arrows = append(arrows, arrow{other, r.key + "=", unit})
				default:
					arrows = append(arrows, arrow{unit, r.key + "=", other})
				}
			}
		}
	}
	return arrows, nil
}

// hash is what changes with any change of the socket, and tells nobody anything.
var hash = regexp.MustCompile(`-[0-9a-f]{16}\.service`)

// text writes a flow chart; boxes are numbered in the order in which they appear.
func text(arrows []arrow) string {
	var w strings.Builder
	var boxes []string
	box := func(unit string) string {
		i := slices.Index(boxes, unit)
		if i >= 0 {
			return fmt.Sprintf("u%d", i)
		}
		boxes = append(boxes, unit)
		return fmt.Sprintf("u%d[\"%s\"]", len(boxes)-1, unit)
	}
	w.WriteString("flowchart LR\n")
	for _, a := range arrows {
		from := box(a.from)
		fmt.Fprintf(&w, "    %s -->|\"%s\"| %s\n", from, a.label, box(a.to))
	}
	return hash.ReplaceAllString(w.String(), "-HASH.service")
}
