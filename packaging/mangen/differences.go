package mangen

import (
	"strings"

	"podman-ondemand/parser"
)

// differences lists where a file means something else than to Quadlet.
func differences() string {
	var w strings.Builder
	for _, d := range parser.Differences {
		defined(&w, "**"+d.Subject+"**", marked(d.Text))
	}
	return w.String()
}
