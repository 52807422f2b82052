package proxy

import (
	"fmt"
	"io"
)

// priority is a syslog level as sd-daemon(3) wants it in front of a line on standard error.
type priority int

const (
	prioError   priority = 3
	prioWarning priority = 4
	prioNotice  priority = 5
	prioInfo    priority = 6
)

// logger takes one line for the journal, without a newline at its end.
type logger func(p priority, format string, args ...any)

// newLogger writes lines with systemd's "<N>" prefix (sd-daemon(3), SyslogLevelPrefix= in systemd.exec(5)).
func newLogger(w io.Writer) logger {
	return func(p priority, format string, args ...any) {
		fmt.Fprintf(w, "<%d>%s\n", p, fmt.Sprintf(format, args...))
	}
}
