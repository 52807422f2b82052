package proxy

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

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
