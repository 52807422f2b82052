package proxy

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// count is "1 connection", "1,204 connections".
func count(n int64, noun string) string {
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

// byteText writes a number of bytes with SI units: "512 B", "1.2 MB".
func byteText(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, unit := float64(n)/1000, 0
	for v >= 999.95 && unit < 4 {
		v, unit = v/1000, unit+1
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + [...]string{"kB", "MB", "GB", "TB", "PB"}[unit]
}

// spanText writes a time span as systemd.time(7) does: "5min", "1h 30min", "1.5s".
func spanText(d time.Duration) string {
	if d == infinity {
		return "infinity"
	}
	if d < time.Second {
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	}
	var words []string
	for _, u := range [...]struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if n := d / u.d; n > 0 {
			words = append(words, strconv.FormatInt(int64(n), 10)+u.name)
			d -= n * u.d
		}
	}
	if d > 0 {
		words = append(words, strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64)+"s")
	}
	return strings.Join(words, " ")
}

// errorText says the usual errors of connect(2) as a person would.
func errorText(err error) string {
	switch err {
	case unix.ECONNREFUSED:
		return "nothing listens there"
	case unix.ENOENT:
		return "the socket does not exist"
	case unix.ETIMEDOUT, unix.EAGAIN:
		return "it does not take connections"
	}
	return err.Error()
}
