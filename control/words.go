package control

import (
	"fmt"
	"strings"
	"time"
)

// clock is a moment as a person reads it, in the local time.
func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// Ago is a time span in the two largest units of systemd.time(7): "3min 20s", "2d 4h", "0s".
func Ago(d time.Duration) string {
	units := []struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	for i, u := range units {
		n := d / u.d
		if n == 0 && i < len(units)-1 {
			continue
		}
		text := fmt.Sprintf("%d%s", max(n, 0), u.name)
		if i < len(units)-1 {
			if rest := (d - n*u.d) / units[i+1].d; rest > 0 {
				text += fmt.Sprintf(" %d%s", rest, units[i+1].name)
			}
		}
		return text
	}
	return ""
}

// wrapped breaks a text at blanks into lines of at most width characters, if it has blanks.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
