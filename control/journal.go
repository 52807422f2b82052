package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"podman-ondemand/figures"
	"podman-ondemand/manager"
)

// Entry is one entry of the journal, its fields by name (systemd.journal-fields(7)).
type Entry map[string]string

// At is when it was written.
func (e Entry) At() time.Time {
	usec, _ := strconv.ParseInt(e["__REALTIME_TIMESTAMP"], 10, 64)
	return time.UnixMicro(usec)
}

// unit is whose entry it is.
func (e Entry) unit(scope manager.Scope) string {
	if scope == manager.User {
		return e["_SYSTEMD_USER_UNIT"]
	}
	return e["_SYSTEMD_UNIT"]
}

// Journal gives the entries that journalctl(1) finds with these arguments, until each returns false.
type Journal func(ctx context.Context, args []string, each func(Entry) bool) error

// ReadJournal runs journalctl: the library that reads the journal's files needs cgo.
func ReadJournal(scope manager.Scope) Journal {
	return func(ctx context.Context, args []string, each func(Entry) bool) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		cmd := exec.CommandContext(ctx, "journalctl", append([]string{scope.String(), "--quiet", "--output=json"}, args...)...)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			return fmt.Errorf("the journal: %w", err)
		}
		enough, err := readEntries(out, each)
		if enough || err != nil {
			cancel()
			_ = cmd.Wait()
			return err
		}
		// No entry in it, or nobody has a journal yet: journalctl says so in its own way.
		if err := cmd.Wait(); err != nil && said.Len() > 0 {
			return fmt.Errorf("the journal: %s (%w)", strings.TrimSpace(said.String()), err)
		}
		return nil
	}
}

// readEntries reads JSON objects, a line each.
func readEntries(r io.Reader, each func(Entry) bool) (enough bool, err error) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			e, err := parseEntry(line)
			if err != nil {
				return false, err
			}
			if !each(e) {
				return true, nil
			}
		}
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return false, err
		}
	}
}

// parseEntry reads one object. A field is text; an array of numbers where it is none (bytes); an array of those where it
// occurs several times; null where it is too long.
func parseEntry(line []byte) (Entry, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, fmt.Errorf("the journal: %w", err)
	}
	e := make(Entry, len(raw))
	for name, value := range raw {
		var text string
		var numbers []byte
		var ints []int
		switch {
		case json.Unmarshal(value, &text) == nil:
		case json.Unmarshal(value, &ints) == nil:
			for _, n := range ints {
				numbers = append(numbers, byte(n))
			}
			text = string(numbers)
		default:
			var several []json.RawMessage
			if json.Unmarshal(value, &several) == nil && len(several) > 0 {
				_ = json.Unmarshal(several[0], &text)
			}
		}
		e[name] = text
	}
	return e, nil
}

// farBack bounds how many starts are looked through for the last one of each application.
const farBack = 1000

// lastStarts finds the last start of each unit (a proxy), in one look.
func (h Host) lastStarts(ctx context.Context, units []string) (map[string]figures.Start, error) {
	last := map[string]figures.Start{}
	args := []string{"--reverse", "--lines=" + strconv.Itoa(farBack), "MESSAGE_ID=" + figures.StartMessage}
	err := h.Journal(ctx, args, func(e Entry) bool {
		unit := e.unit(h.Scope)
		if _, known := last[unit]; known || !slices.Contains(units, unit) {
			return true
		}
		if s, err := start(e); err == nil {
			last[unit] = s
		}
		return len(last) < len(units)
	})
	return last, err
}

func start(e Entry) (figures.Start, error) {
	s, err := figures.ParseStart(func(name string) string { return e[name] })
	s.At = e.At()
	return s, err
}

// Starts finds the last n starts of an application, the newest first.
func (h Host) Starts(ctx context.Context, a App, n int) (found []ColdStart, err error) {
	if len(a.Proxies) == 0 {
		return nil, nil
	}
	args := []string{"--reverse", "--lines=" + strconv.Itoa(n), "MESSAGE_ID=" + figures.StartMessage}
	for _, p := range a.Proxies {
		args = append(args, unitField(h.Scope)+"="+p)
	}
	err = h.Journal(ctx, args, func(e Entry) bool {
		if s, err := start(e); err == nil {
			found = append(found, coldStart(s))
		}
		return len(found) < n
	})
	return found, err
}

func unitField(scope manager.Scope) string {
	if scope == manager.User {
		return "_SYSTEMD_USER_UNIT"
	}
	return "_SYSTEMD_UNIT"
}

// Problem is something that was said about what may be wrong.
type Problem struct {
	At   time.Time
	Who  string // the program that says it
	Text string

	priority int // of syslog(3)
}

// warning is LOG_WARNING of syslog(3).
const warning = 4

// Matches are the arguments of journalctl(1) for what units have said, and systemd about them. A user's manager has no say in
// what journald knows of a line: that of a process which ends at once comes without its unit, and is found by the name that
// the units give to what they say.
func (h Host) Matches(units []string) (args []string) {
	each := func(u string) bool { return strings.HasSuffix(u, eachConnection) }
	if h.Scope == manager.System || slices.ContainsFunc(units, each) {
		for _, u := range units {
			if each(u) {
				u = strings.Replace(u, "@.", "@*.", 1)
			}
			args = append(args, "--unit="+u)
		}
		return args
	}
	for _, field := range []string{"_SYSTEMD_USER_UNIT", "USER_UNIT"} {
		for _, u := range units {
			args = append(args, field+"="+u)
		}
		args = append(args, "+")
	}
	for _, u := range units {
		if name, ok := strings.CutSuffix(u, ".service"); ok {
			args = append(args, "SYSLOG_IDENTIFIER="+name)
		}
	}
	return args
}

// Problems finds the last n warnings and errors of an application since a moment, the oldest first: its own, and those of
// systemd about it.
func (h Host) Problems(ctx context.Context, a App, since time.Time, n int) ([]Problem, error) {
	return h.said(ctx, a, since, n, "--priority=warning")
}

// Said finds the last n lines of all priorities: what a program writes to standard error before it fails has none of its own.
// systemd's and podman's accounts of what they do are left out.
func (h Host) Said(ctx context.Context, a App, since time.Time, n int) ([]Problem, error) {
	found, err := h.said(ctx, a, since, 4*n)
	found = slices.DeleteFunc(found, func(p Problem) bool { return (p.Who == "podman" || p.Who == "systemd") && p.priority > warning })
	return found[max(0, len(found)-n):], err
}

func (h Host) said(ctx context.Context, a App, since time.Time, n int, more ...string) (found []Problem, err error) {
	args := append(more, "--lines="+strconv.Itoa(n), "--since=@"+strconv.FormatInt(since.Unix(), 10))
	args = append(args, h.Matches(a.all())...)
	err = h.Journal(ctx, args, func(e Entry) bool {
		if e.At().After(since) { // journalctl knows seconds only
			priority, _ := strconv.Atoi(e["PRIORITY"])
			found = append(found, Problem{e.At(), e["SYSLOG_IDENTIFIER"], e["MESSAGE"], priority})
		}
		return true
	})
	return found, err
}

// fillStarts fills in the last start of each.
func (h Host) fillStarts(ctx context.Context, apps []App, all []Status) error {
	var units []string
	for _, a := range apps {
		units = append(units, a.Proxies...)
	}
	if len(units) == 0 {
		return nil
	}
	last, err := h.lastStarts(ctx, units)
	for i, a := range apps {
		for _, p := range a.Proxies {
			if s, ok := last[p]; ok && (all[i].LastStart == nil || s.At.After(all[i].LastStart.At)) {
				c := coldStart(s)
				all[i].LastStart = &c
			}
		}
	}
	return err
}
