package parser

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Infinity is the time span "infinity": never.
const Infinity = time.Duration(math.MaxInt64)

// ParseBool reads a boolean in the words of systemd.syntax(7): 1 yes y true t
// on, 0 no n false f off, in any case.
func ParseBool(s string) (bool, error) {
	word := strings.ToLower(s)
	switch {
	case slices.Contains([]string{"1", "yes", "y", "true", "t", "on"}, word):
		return true, nil
	case slices.Contains([]string{"0", "no", "n", "false", "f", "off"}, word):
		return false, nil
	}
	return false, fmt.Errorf("not a boolean: %q, write yes or no", s)
}

// timeUnits are the units of systemd.time(7), section "Parsing Time Spans".
var timeUnits = []struct {
	names string
	span  time.Duration
}{
	{"us usec µs μs", time.Microsecond},
	{"ms msec", time.Millisecond},
	{"s sec second seconds", time.Second},
	{"m min minute minutes", time.Minute},
	{"h hr hour hours", time.Hour},
	{"d day days", 24 * time.Hour},
	{"w week weeks", 7 * 24 * time.Hour},
	{"M month months", 2629800 * time.Second}, // 30.44 days
	{"y year years", 31557600 * time.Second},  // 365.25 days
}

// ParseTimeSpan reads a time span of systemd.time(7): "90", "5min 20s",
// "1.5h", "infinity". A number without a unit counts seconds.
func ParseTimeSpan(s string) (time.Duration, error) {
	rest := strings.TrimSpace(s)
	if rest == "infinity" {
		return Infinity, nil
	}
	var total time.Duration
	for first := true; first || rest != ""; first = false {
		span, after, ok := cutSpan(rest)
		if !ok {
			return 0, fmt.Errorf("not a time span: %q, write one like 90s, 5min or infinity", s)
		}
		if span >= Infinity-total {
			return 0, fmt.Errorf("time span too long: %q, write infinity for never", s)
		}
		total, rest = total+span, after
	}
	return total, nil
}

// cutSpan cuts one number and its unit off the front of s.
func cutSpan(s string) (span time.Duration, rest string, ok bool) {
	n := len(s) - len(strings.TrimLeft(s, "0123456789."))
	count, err := strconv.ParseFloat(s[:n], 64)
	if err != nil {
		return 0, "", false
	}
	rest = strings.TrimLeft(s[n:], blanks)
	n = strings.IndexAny(rest, blanks+"0123456789.")
	if n < 0 {
		n = len(rest)
	}
	unit, ok := timeUnit(rest[:n])
	product := math.Round(count * float64(unit))
	if !ok {
		return 0, "", false
	}
	if product >= math.MaxInt64 {
		return Infinity, "", true
	}
	return time.Duration(product), strings.TrimLeft(rest[n:], blanks), true
}

func timeUnit(name string) (time.Duration, bool) {
	if name == "" {
		return time.Second, true
	}
	for _, u := range timeUnits {
		if slices.Contains(strings.Fields(u.names), name) {
			return u.span, true
		}
	}
	return 0, false
}

// ParsePort reads a port number from 1 to 65535.
func ParsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 || strings.HasPrefix(s, "+") {
		return 0, fmt.Errorf("not a port: %q, write a number from 1 to 65535", s)
	}
	return uint16(n), nil
}

// Unquote removes the one pair of double quotes that Quadlet removes from a
// value that starts and ends with one.
func Unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}
