package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"podman-ondemand/manager"
	"podman-ondemand/parser"
)

// timeout bounds a whole call.
const timeout = 3 * time.Minute

// Options are those of the command line.
type Options struct {
	Scope   manager.Scope
	JSON    bool
	Version string // of this program
}

// Main is "podman-ondemand doctor": it prints the findings to w. wrong says that there is an error among them.
func Main(ctx context.Context, w io.Writer, o Options) (wrong bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	h, done, err := thisHost(ctx, o.Scope, o.Version)
	if err != nil {
		return false, err
	}
	defer done()
	findings := h.Examine(ctx)
	wrong = slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == Error })
	if o.JSON {
		return wrong, printJSON(w, findings)
	}
	printText(w, findings)
	return wrong, nil
}

// printText prints a line for each finding, and the commands that mend it below.
func printText(w io.Writer, findings []Finding) {
	for _, f := range findings {
		fmt.Fprintf(w, "%-7s  %-10s  %s\n", f.Level, f.Check, parser.Printable(f.Text))
		for _, command := range f.Mend {
			fmt.Fprintf(w, "%-21s%s\n", "", parser.Printable(command))
		}
	}
}

// finding is a Finding as a program reads it.
type finding struct {
	Check    string   `json:"check"`
	Level    string   `json:"level"`
	Message  string   `json:"message"`
	Commands []string `json:"commands"`
}

func printJSON(w io.Writer, findings []Finding) error {
	all := make([]finding, len(findings))
	for i, f := range findings {
		all[i] = finding{f.Check, f.Level.String(), f.Text, append([]string{}, f.Mend...)}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(all)
}
