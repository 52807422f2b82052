package control

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"podman-ondemand/figures"
)

// Report is all of one application, for a person.
type Report struct {
	App      App
	Status   Status
	Starts   []ColdStart // the newest first
	Problems []Problem   // the oldest first
	Now      time.Time
	Color    bool
	Host     Host
}

// columns is what every terminal has.
const columns = 80

// labelled is the width of the labels with the blank behind them.
const labelled = 11

// Colors of a terminal, for a dot or a word.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	plain  = "\x1b[39m"
	reset  = "\x1b[0m"
)

// Color is what a state is painted with at a terminal; Reset ends it. All colors are of one length.
func (s State) Color() string {
	switch s {
	case Awake:
		return green
	case Starting, Stopping:
		return yellow
	case Broken, Failed:
		return red
	}
	return plain
}

// Paint puts the color round a text.
func (s State) Paint(text string) string { return s.Color() + text + reset }

// sign is the one that systemctl(1) would put in front.
func (s State) sign() string {
	switch s {
	case Awake, Starting, Stopping:
		return "●"
	case Broken, Failed:
		return "×"
	}
	return "○"
}

// ExitStatus is what "systemctl status" would end with: 0 where a connection is served or waited for, 3 where not.
func (s State) ExitStatus() int {
	switch s {
	case Awake, Asleep, Starting, Stopping:
		return 0
	}
	return 3
}

// Show writes the report in the manner of "systemctl status".
func (r Report) Show(w io.Writer) {
	s := r.Status
	sign, state := s.State.sign(), string(s.State)
	if r.Color {
		sign, state = s.State.Paint(sign), s.State.Paint(state)
	}
	fmt.Fprintf(w, "%s %s - %s\n", sign, s.Name, r.Host.title(r.App))
	r.line(w, "File", s.File)
	for _, f := range r.App.Files[min(1, len(r.App.Files)):] {
		r.line(w, "Drop-In", f)
	}
	r.line(w, "Listen", strings.Join(s.Listen, ", "))
	r.line(w, "Image", s.Image)
	r.line(w, "Unit", s.Unit)
	fmt.Fprintf(w, "%9s: %s%s\n", "State", state, r.since())
	r.more(w, s.Note)
	r.line(w, "Clients", r.clients())
	if s.Memory != nil {
		r.line(w, "Memory", figures.Bytes(int64(*s.Memory)))
	}
	r.table(w, "Units", r.unitRows())
	r.table(w, "Starts", r.startRows())
	for i, d := range r.App.Diags {
		r.item(w, "Messages", i, d.String())
	}
	for i, p := range r.Problems {
		r.item(w, "Journal", i, fmt.Sprintf("%s %s: %s", clock(p.At), p.Who, p.Text))
	}
	for i, text := range r.next() {
		r.item(w, "Next", i, text)
	}
}

// title is what the application is, in a word.
func (h Host) title(a App) string {
	if a.Existing != "" {
		return a.Existing + " on demand"
	}
	return "container on demand"
}

func (r Report) line(w io.Writer, label, text string) {
	if text != "" {
		r.item(w, label, 0, text)
	}
}

// item writes the i-th text of a label; only the first shows it.
func (r Report) item(w io.Writer, label string, i int, text string) {
	if i > 0 {
		r.more(w, text)
		return
	}
	lines := wrapped(text, columns-labelled)
	fmt.Fprintf(w, "%9s: %s\n", label, lines[0])
	for _, l := range lines[1:] {
		fmt.Fprintf(w, "%*s%s\n", labelled, "", l)
	}
}

func (r Report) more(w io.Writer, text string) {
	if text == "" {
		return
	}
	for _, l := range wrapped(text, columns-labelled) {
		fmt.Fprintf(w, "%*s%s\n", labelled, "", l)
	}
}

// since is how long the state has been so: since the last change of any unit of it.
func (r Report) since() string {
	var last time.Time
	for _, u := range r.Status.Units {
		if u.Since.After(last) {
			last = u.Since
		}
	}
	if last.IsZero() {
		return ""
	}
	return fmt.Sprintf(" since %s; %s ago", clock(last), Ago(r.Now.Sub(last)))
}

func (r Report) clients() string {
	s := r.Status
	if s.Connections == nil {
		return ""
	}
	f := figures.Status{Connections: *s.Connections, Total: *s.Total, In: *s.BytesIn, Out: *s.BytesOut}
	text := f.String()
	if s.IdleSince != nil {
		text += "; idle for " + Ago(r.Now.Sub(*s.IdleSince))
	}
	if s.StopsAt != nil {
		text += ", sleeps in " + Ago(s.StopsAt.Sub(r.Now))
	}
	return text
}

func (r Report) unitRows() (rows []string) {
	for _, u := range r.Status.Units {
		state := fmt.Sprintf("%s (%s)", u.Active, u.Sub)
		if u.Load != "loaded" {
			state = u.Load
		}
		if u.Active == "failed" {
			state += ", result " + u.Result
		}
		rows = append(rows, u.Name+"\t"+state)
	}
	return rows
}

func (r Report) startRows() []string {
	if len(r.Starts) == 0 {
		return nil
	}
	rows := []string{"WHEN\tTOTAL\tPODMAN\tAPPLICATION\tFIRST CLIENT"}
	for _, c := range r.Starts {
		client := "-"
		if c.Client > 0 {
			client = fmt.Sprintf("%d ms", c.Client)
		}
		rows = append(rows, fmt.Sprintf("%s\t%d ms\t%d ms\t%d ms\t%s", clock(c.At), c.Total, c.Podman, c.Application, client))
	}
	return rows
}

func (r Report) table(w io.Writer, label string, rows []string) {
	if len(rows) == 0 {
		return
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 2, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(rows, "\n"))
	t.Flush()
	for i, l := range slices.Collect(strings.Lines(b.String())) {
		if i == 0 {
			fmt.Fprintf(w, "%9s: %s", label, l)
			continue
		}
		fmt.Fprintf(w, "%*s%s", labelled, "", l)
	}
}

// next is what a person may want to do.
func (r Report) next() []string {
	name := r.App.Name
	ours := func(verb, why string) string { return "podman-ondemand " + verb + " " + name + "  (" + why + ")" }
	var list []string
	if r.Status.Reload || r.Status.State == NotLoaded {
		list = append(list, r.Host.command("systemctl", "daemon-reload")+"  (systemd reads the file as it is now)")
	}
	switch r.Status.State {
	case Broken:
		list = append(list, "mend the file, then "+r.Host.command("systemctl", "daemon-reload"))
	case Stopped:
		if r.App.Template() {
			name += "INSTANCE"
		}
		if r.socketFailed() {
			list = append(list, "podman-ondemand verify  (why it cannot listen)")
		}
		list = append(list, ours("start", "opens the port again"))
	case Failed:
		list = append(list, ours("logs -n 50", "what it said"), ours("wake", "tries again, as the next connection does"))
	case Starting:
		list = append(list, ours("logs -f", "what it says"))
	case Awake:
		if r.Status.Newer {
			list = append(list, ours("restart", "takes the newer file up"))
		}
	case Asleep:
		list = append(list, ours("wake", "or connect to it"))
	}
	return list
}

func (r Report) socketFailed() bool {
	return slices.ContainsFunc(r.Status.Units, func(u UnitState) bool {
		return u.Active == "failed" && slices.Contains(r.App.Sockets, u.Name)
	})
}

// Depth is how far a report looks back.
type Depth struct {
	Starts, Problems int
	Since            time.Duration
}

// Report looks at an application, its last starts, and what the journal has of problems since the last good start, or of
// everything where the last one failed. What the journal does not tell is missing.
func (h Host) Report(ctx context.Context, a App, d Depth) (Report, error) {
	s, err := h.Look(ctx, a)
	r := Report{App: a, Status: s, Now: time.Now(), Host: h}
	if err != nil {
		return r, err
	}
	since := r.Now.Add(-d.Since)
	r.Starts, err = h.Starts(ctx, a, d.Starts)
	if len(r.Starts) > 0 && r.Starts[0].At.After(since) {
		since = r.Starts[0].At
	}
	switch {
	case err != nil:
	case s.State == Failed:
		r.Problems, err = h.Said(ctx, a, since, d.Problems)
	default:
		r.Problems, err = h.Problems(ctx, a, since, d.Problems)
	}
	if err != nil {
		r.Problems = append(r.Problems, Problem{At: r.Now, Who: "podman-ondemand", Text: err.Error()})
	}
	return r, nil
}
