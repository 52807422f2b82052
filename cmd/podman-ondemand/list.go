package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	tables "github.com/containers/common/pkg/report"
	"github.com/spf13/cobra"

	"podman-ondemand/control"
	"podman-ondemand/figures"
)

type listFlags struct {
	appFlags
	format    string
	noHeading bool
	quiet     bool
	watch     bool
}

func listCommand() *cobra.Command {
	var f listFlags
	c := &cobra.Command{
		Use:     "list [NAME...]",
		Aliases: []string{"ls"},
		Short:   "Show the applications and how they are",
		Long: `Shows the applications, all or those that are named ('web*' is a pattern):

  asleep      it listens, nothing runs
  starting    somebody has connected, and waits
  awake       the container runs
  stopping    it goes to sleep
  failed      the last start did; a connection tries again
  broken      its file has errors; connections are refused
  stopped     nothing listens: by hand, or the socket failed
  not-loaded  systemd has not read the file yet

--format takes json, a Go template, or "table" with one, as podman's commands
do; the fields are those of json, and Idle, ColdStart and UnitNames.`,
		Example: `  podman-ondemand list
  podman-ondemand list --format '{{.Name}} {{.State}} {{.Connections}}'
  podman-ondemand list --watch 'web*'`,
		GroupID: groupApps,
		RunE:    func(c *cobra.Command, args []string) error { return f.run(c.OutOrStdout(), c.ErrOrStderr(), args) },
	}
	c.ValidArgsFunction = f.complete
	c.Flags().StringVar(&f.format, "format", "", "json, a Go `TEMPLATE`, or table TEMPLATE")
	c.Flags().BoolVarP(&f.noHeading, "noheading", "n", false, "no line with the names of the columns")
	c.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "names only")
	c.Flags().BoolVarP(&f.watch, "watch", "w", false, "show changes as they come, until Ctrl-C")
	c.MarkFlagsMutuallyExclusive("quiet", "format")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"json", "table"}, cobra.ShellCompDirectiveNoFileComp))
	f.add(c)
	return c
}

func (f *listFlags) run(out, errs io.Writer, args []string) error {
	ctx, cancel := interruptible()
	defer cancel()
	s, err := f.open(ctx)
	if err != nil {
		return err
	}
	if f.watch {
		return f.follow(ctx, out, s, args)
	}
	all, err := f.look(ctx, s, args)
	if all == nil && err != nil {
		return err
	}
	if err != nil {
		fmt.Fprintf(errs, "Without the last starts: %v\n", err)
	}
	return f.print(out, all, !f.noHeading)
}

func (f *listFlags) look(ctx context.Context, s *session, args []string) ([]control.Status, error) {
	apps, err := s.choose(args)
	if err == nil && len(args) == 0 {
		var gone []control.App
		gone, err = s.Gone(ctx, apps)
		apps = append(slices.Clone(apps), gone...)
	}
	switch {
	case err != nil:
		return nil, err
	case f.quiet && !f.watch: // systemd need not be asked about each unit
		all := make([]control.Status, len(apps))
		for i, a := range apps {
			all[i].Name = a.Name
		}
		return all, nil
	}
	return s.All(ctx, apps)
}

// watchEvery is the time between two looks.
const watchEvery = time.Second

// follow shows all again at a terminal, elsewhere what has changed.
func (f *listFlags) follow(ctx context.Context, out io.Writer, s *session, args []string) error {
	screen, heading := isTerminal(out), !f.noHeading
	var before []control.Status
	for {
		all, err := f.look(ctx, s, args)
		switch {
		case ctx.Err() != nil:
			return nil
		case all == nil && err != nil:
			return err
		case screen:
			fmt.Fprint(out, "\x1b[H\x1b[2J")
			err = f.print(out, all, heading)
		default:
			if news := differing(before, all); len(news) > 0 {
				err = f.print(out, news, heading)
				heading = false
			}
		}
		if err != nil {
			return err
		}
		before = all
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchEvery):
		}
		if err := s.read(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// differing are those that were not so before, and what has gone.
func differing(before, now []control.Status) (news []control.Status) {
	text := func(s control.Status) string { b, _ := json.Marshal(s); return string(b) }
	old := map[string]string{}
	for _, s := range before {
		old[s.Name] = text(s)
	}
	for _, s := range now {
		if old[s.Name] != text(s) {
			news = append(news, s)
		}
	}
	return news
}

// row is one application in a table or template: a status with words in the place of numbers.
type row struct {
	control.Status
	paint bool
}

// The columns of the table, and what stands above them.
var columns = []struct{ field, title string }{
	{"Name", "NAME"}, {"State", "STATE"}, {"Listen", "LISTEN"}, {"Image", "IMAGE"}, {"Connections", "CONNECTIONS"},
	{"Idle", "IDLE"}, {"ColdStart", "COLD START"}, {"Memory", "MEMORY"}, {"Note", "NOTE"},
}

func (f *listFlags) print(out io.Writer, all []control.Status, heading bool) error {
	switch {
	case f.quiet:
		for _, s := range all {
			fmt.Fprintln(out, s.Name)
		}
		return nil
	case tables.IsJSON(f.format):
		text, err := json.MarshalIndent(all, "", "    ")
		if err == nil {
			_, err = fmt.Fprintf(out, "%s\n", text)
		}
		return err
	}
	return f.table(out, all, heading)
}

// table prints the rows that a template makes, all or none.
func (f *listFlags) table(out io.Writer, all []control.Status, heading bool) error {
	format, paint := f.format, false
	switch {
	case format == "" || format == "table":
		paint = colored(out)
		format = defaultTable()
	case !strings.Contains(format, "{{"):
		return fmt.Errorf("--format %s: write json, table or a Go template", format)
	}
	var b bytes.Buffer
	t, err := tables.New(&b, "list").Parse(tables.OriginUser, format)
	if err != nil {
		return err
	}
	if t.RenderTable {
		t.Init(&b, 0, 2, 2, ' ', 0)
	}
	if t.RenderHeaders && heading {
		if err := t.Execute(headings(paint)); err != nil {
			return err
		}
	}
	rows := make([]row, len(all))
	for i, s := range all {
		rows[i] = row{s, paint}
	}
	if err := t.Execute(rows); err != nil {
		return fmt.Errorf("%w\nThe fields are those of --format json, Idle, ColdStart and UnitNames", err)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err = out.Write(b.Bytes())
	return err
}

func defaultTable() string {
	var fields []string
	for _, c := range columns {
		fields = append(fields, "{{."+c.field+"}}")
	}
	return "table " + strings.Join(fields, "\t")
}

// headings are the titles of all fields that a template may name.
func headings(paint bool) []map[string]string {
	titles := map[string]string{"UnitNames": "UNITS"}
	for _, c := range columns {
		titles[c.field] = c.title
	}
	all := tables.Headers(control.Status{}, titles)
	maps.Copy(all[0], titles)
	if paint { // as many bytes as in the column
		all[0]["State"] = control.Asleep.Paint(all[0]["State"])
	}
	return all
}

// State is the word, in its color at a terminal.
func (r row) State() string {
	if r.paint {
		return r.Status.State.Paint(string(r.Status.State))
	}
	return string(r.Status.State)
}

// Listen is where it listens.
func (r row) Listen() string { return strings.Join(r.Status.Listen, ", ") }

// Image is what it runs, or the unit that is woken in the place of a container.
func (r row) Image() string {
	if r.Unit != "" {
		return r.Unit
	}
	return or(r.Status.Image)
}

// Connections are those that are open.
func (r row) Connections() string { return number(r.Status.Connections) }

// Total are the connections since the start.
func (r row) Total() string { return number(r.Status.Total) }

// BytesIn is what came from the clients.
func (r row) BytesIn() string { return size(r.Status.BytesIn) }

// BytesOut is what went to the clients.
func (r row) BytesOut() string { return size(r.Status.BytesOut) }

// Memory is what the container and the proxy use.
func (r row) Memory() string { return size(r.Status.Memory) }

// Idle is for how long nobody has been connected.
func (r row) Idle() string {
	if r.Status.IdleSince == nil {
		return "-"
	}
	return control.Ago(time.Since(*r.Status.IdleSince))
}

// ColdStart is how long the last one took.
func (r row) ColdStart() string {
	if r.Status.LastStart == nil {
		return "-"
	}
	return fmt.Sprintf("%d ms", r.Status.LastStart.Total)
}

// UnitNames are those of its units.
func (r row) UnitNames() string {
	var names []string
	for _, u := range r.Status.Units {
		names = append(names, u.Name)
	}
	return strings.Join(slices.Compact(names), " ")
}

func or(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func number[N int | int64](n *N) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

func size[N int64 | uint64](n *N) string {
	if n == nil {
		return "-"
	}
	return figures.Bytes(int64(*n))
}
