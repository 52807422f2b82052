// Package figures is what a running proxy says of itself, and how it is read again: the status line that it gives to systemd
// (STATUS= in sd_notify(3)) and one journal entry for each start. Writer and reader stand side by side here, so that they
// cannot drift apart.
package figures

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Status is how a proxy that serves is doing. Bytes are rounded in the text: what is read back has at least two digits
// right, everything else is exact to the second.
type Status struct {
	Connections int   // open now
	Total       int64 // since its start
	In, Out     int64 // bytes from and to the clients
	// IdleSince is when the last connection ended; zero: somebody is connected.
	IdleSince time.Time
	// StopsAt is when it will end if nobody connects; zero: never, or it is not idle.
	StopsAt time.Time
	// KeptBy is what keeps it from ending though it is idle: a unit, or IdleCheck= with its exit status.
	KeptBy string
}

const (
	idleTime   = "2006-01-02 15:04:05 -0700"
	idlePrefix = "Idle since "
	stays      = "stays awake"
	kept       = "kept awake by "
	stopsAt    = "stops at "
	// refused is what the status of a proxy begins with that has nothing to serve.
	refused = "Connections are refused: "
	// atGate is what it begins with where nobody has come yet who may wake the application.
	atGate = "Asleep: "
)

// Refused is the status of a proxy that turns everybody away.
func Refused(why string) string { return refused + why }

// WhyRefused reads that, or says that it is another status.
func WhyRefused(text string) (why string, ok bool) { return strings.CutPrefix(text, refused) }

// AtGate is the status of a proxy that turns those away who may not wake the application.
func AtGate(what string) string { return atGate + what }

// IsAtGate tells whether a status is one of that kind.
func IsAtGate(text string) bool { return strings.HasPrefix(text, atGate) }

// String is the status in words, as "systemctl status" shows it.
func (s Status) String() string {
	traffic := Bytes(s.In) + " in, " + Bytes(s.Out) + " out"
	if s.IdleSince.IsZero() {
		return Count(int64(s.Connections), "connection") + ", " + grouped(s.Total) + " since start, " + traffic
	}
	end := stays
	switch {
	case s.KeptBy != "":
		end = kept + s.KeptBy
	case !s.StopsAt.IsZero():
		end = stopsAt + s.StopsAt.Format(idleTime)
	}
	return idlePrefix + s.IdleSince.Format(idleTime) + ", " + end + "; " + Count(s.Total, "connection") + " since start, " + traffic
}

// ParseStatus reads String's words; any other text is not ok.
func ParseStatus(text string) (s Status, ok bool) {
	if rest, idle := strings.CutPrefix(text, idlePrefix); idle {
		when, rest, _ := strings.Cut(rest, "; ")
		if !s.parseIdle(when) {
			return Status{}, false
		}
		text = "0 connections, " + strings.Replace(strings.Replace(rest, " connections", "", 1), " connection", "", 1)
	}
	parts := strings.Split(text, ", ")
	if len(parts) != 4 {
		return Status{}, false
	}
	open, _, _ := strings.Cut(parts[0], " connection")
	total, fine := strings.CutSuffix(parts[1], " since start")
	n, ok1 := parseGrouped(open)
	var ok2, ok3, ok4 bool
	s.Connections = int(n)
	s.Total, ok2 = parseGrouped(total)
	s.In, ok3 = parseBytes(strings.CutSuffix(parts[2], " in"))
	s.Out, ok4 = parseBytes(strings.CutSuffix(parts[3], " out"))
	if !fine || !ok1 || !ok2 || !ok3 || !ok4 {
		return Status{}, false
	}
	return s, true
}

// parseIdle reads "TIME, stops at TIME", "TIME, kept awake by UNIT" or "TIME, stays awake".
func (s *Status) parseIdle(text string) bool {
	since, end, _ := strings.Cut(text, ", ")
	var err error
	if s.IdleSince, err = time.Parse(idleTime, since); err != nil {
		return false
	}
	if at, ok := strings.CutPrefix(end, stopsAt); ok {
		s.StopsAt, err = time.Parse(idleTime, at)
		return err == nil
	}
	var ok bool
	s.KeptBy, ok = strings.CutPrefix(end, kept)
	if !ok {
		s.KeptBy = ""
	}
	return ok && s.KeptBy != "" || end == stays
}

// Count is "1 connection", "1,204 connections".
func Count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// grouped writes 1204 as "1,204".
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func parseGrouped(s string) (int64, bool) {
	n, err := strconv.ParseInt(strings.ReplaceAll(s, ",", ""), 10, 64)
	return n, err == nil && n >= 0
}

var byteUnits = [...]string{"B", "kB", "MB", "GB", "TB", "PB"}

// Bytes writes a number of bytes with SI units: "512 B", "1.2 MB".
func Bytes(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, unit := float64(n)/1000, 1
	for v >= 999.95 && unit < len(byteUnits)-1 {
		v, unit = v/1000, unit+1
	}
	return fmt.Sprintf("%.1f %s", v, byteUnits[unit])
}

func parseBytes(s string, ok bool) (int64, bool) {
	number, unit, _ := strings.Cut(s, " ")
	v, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || v < 0 {
		return 0, false
	}
	for _, u := range byteUnits {
		if u == unit {
			return int64(v + 0.5), true
		}
		v *= 1000
	}
	return 0, false
}
