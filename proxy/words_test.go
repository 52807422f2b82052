package proxy

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestByteText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 1e9: "1.0 GB", 9e18: "9000.0 PB"} {
		if got := byteText(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestSpanText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		300 * time.Millisecond: "300ms", 1500 * time.Millisecond: "1.5s", 5 * time.Minute: "5min",
		90 * time.Minute: "1h 30min", 49 * time.Hour: "2d 1h", 90 * time.Second: "1min 30s", infinity: "infinity",
	} {
		if got := spanText(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{unix.ECONNREFUSED, "nothing listens there"}, {unix.ENOENT, "the socket does not exist"},
		{unix.ETIMEDOUT, "it does not take connections"}, {errors.New("other"), "other"},
	} {
		if got := errorText(c.err); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
