package install

import (
	"fmt"
	"strings"
)

// A call prints one line for each step as it is done: what it did, what was right already, what a person may want to know,
// and what did not work, with what to do about it below.

func (h *host) done(format string, args ...any) { h.print("done", format, args...) }
func (h *host) same(format string, args ...any) { h.print("ok", format, args...) }
func (h *host) note(format string, args ...any) { h.print("note", format, args...) }

func (h *host) print(word, format string, args ...any) {
	fmt.Fprintf(h.out, "%-5s %s\n", word, fmt.Sprintf(format, args...))
}

// fail says what is wrong and, a line each, what to do. It is false, so that a step can return it.
func (h *host) fail(problem string, next ...string) bool {
	fmt.Fprintf(h.err, "%-5s %s\n", "error", problem)
	for _, line := range next {
		fmt.Fprintf(h.err, "      %s\n", line)
	}
	return false
}

// lines prints a list below the last line.
func (h *host) lines(list []string) {
	fmt.Fprint(h.out, "      ", strings.Join(list, "\n      "), "\n")
}
