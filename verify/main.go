package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"podman-ondemand/generator"
	"podman-ondemand/manager"
	"podman-ondemand/parser"
	"podman-ondemand/snippet"
)

// timeout bounds a whole call.
const timeout = 2 * time.Minute

// Options are those of the command line.
type Options struct {
	Scope manager.Scope
	// Paths are files and directories; none: the manager's search path.
	Paths []string
	// Strict makes errors of warnings.
	Strict bool
	// JSON prints an array of messages.
	JSON bool
}

// Main is "podman-ondemand verify": it prints what is wrong to w. wrong says that there are errors; the error is that of the
// command line.
func Main(ctx context.Context, w io.Writer, o Options) (wrong bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, unix.SIGTERM) // the temporary directory goes in any case
	defer stop()
	for i, path := range o.Paths {
		o.Paths[i] = generator.WithDropIns(path)
	}
	r, dirs, err := read(o)
	if err != nil {
		return false, err
	}
	ds := check(ctx, o.Scope, r, dirs)
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("not all could be checked: %w", err)
	}
	shorten(ds, o.Paths)
	if o.Strict {
		for i := range ds {
			ds[i].Severity = parser.Error
		}
	}
	if o.JSON {
		return ds.HasErrors(), printJSON(w, ds)
	}
	snippet.Show(w, ds)
	_, err = fmt.Fprintln(w, conclusion(len(r.Sources()), ds))
	return ds.HasErrors(), err
}

func read(o Options) (generator.Result, []string, error) {
	if len(o.Paths) == 0 {
		return generator.Read(o.Scope), nil, nil
	}
	return generator.ReadPaths(o.Scope, o.Paths)
}

// check makes the messages on this machine.
func check(ctx context.Context, scope manager.Scope, r generator.Result, dirs []string) parser.Diags {
	var systemd manager.Interface
	if conn, err := manager.Connect(ctx, scope, RuntimeDir()); err == nil {
		defer conn.Close()
		systemd = conn
	}
	return ThisHost(ctx, scope, systemd, dirs).Check(ctx, r)
}

// conclusion is the last line.
func conclusion(files int, ds parser.Diags) string {
	if files == 0 && len(ds) == 0 {
		return "no " + generator.Extension + " files found"
	}
	s := fmt.Sprintf("%d files: ", files)
	if files == 1 {
		s = "1 file: "
	}
	if len(ds) == 0 {
		return s + "nothing wrong"
	}
	return s + snippet.Summary(ds)
}

// shorten names the files as the person did, and those beside them in the same way.
func shorten(ds parser.Diags, paths []string) {
	for _, path := range paths {
		if filepath.IsAbs(path) {
			continue
		}
		if filepath.Ext(path) == generator.Extension {
			path = filepath.Dir(path)
		}
		dir, err := filepath.Abs(path)
		if err != nil {
			continue
		}
		for i := range ds {
			if below, ok := strings.CutPrefix(ds[i].Pos.File, dir+"/"); ok {
				ds[i].Pos.File = filepath.Join(path, below)
			}
		}
	}
}

// message is a Diag as a program reads it. Line and column are 0 for a file as a whole.
type message struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
	Hint     string `json:"hint"`
}

func printJSON(w io.Writer, ds parser.Diags) error {
	all := make([]message, len(ds))
	for i, d := range ds {
		all[i] = message{d.Pos.File, d.Pos.Line, d.Pos.Col, d.Severity.String(), d.Text, d.Hint}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(all)
}

// IsMisuse says whether an error of Main is about what was named on the command line.
func IsMisuse(err error) bool {
	var path *os.PathError
	return errors.As(err, &path)
}
