package parser

import (
	"testing"
	"time"
)

func TestParseBool(t *testing.T) {
	for text, want := range map[string]string{
		"yes": "true", "Y": "true", "1": "true", "TRUE": "true", "t": "true", "on": "true",
		"no": "false", "N": "false", "0": "false", "False": "false", "f": "false", "off": "false",
		"": "error", "ture": "error", "2": "error", "yes please": "error",
	} {
		got := "error"
		if b, err := ParseBool(text); err == nil {
			got = map[bool]string{true: "true", false: "false"}[b]
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestParseTimeSpan(t *testing.T) {
	const bad = -1
	for text, want := range map[string]time.Duration{
		"0": 0, "5": 5 * time.Second, "5s": 5 * time.Second, "1.5h": 90 * time.Minute,
		"2min 3s": 123 * time.Second, "2min3s": 123 * time.Second, "1 h 1 m": 61 * time.Minute,
		"300ms": 300 * time.Millisecond, "7us": 7 * time.Microsecond, "1d": 24 * time.Hour,
		"1week": 7 * 24 * time.Hour, "1M": 2629800 * time.Second, "1y": 31557600 * time.Second,
		"infinity": Infinity, " 1 s ": time.Second,
		"": bad, "x": bad, "5 parsecs": bad, "-5": bad, "5s infinity": bad, "1.2.3": bad, ".": bad,
		"9999999999y": bad, "200y 200y": bad,
	} {
		got, err := ParseTimeSpan(text)
		if err != nil {
			got = bad
		}
		if got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestParsePort(t *testing.T) {
	for text, want := range map[string]uint16{
		"1": 1, "80": 80, "65535": 65535, "0": 0, "65536": 0, "-1": 0, "+80": 0, "": 0, "http": 0, "8 0": 0,
	} {
		if got, err := ParsePort(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
}
