package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// row is a line of the table.
type row struct{ what, ours, other, ratio, pairs, wanted string }

var head = row{"what; the other", "ours", "the other", "ratio (min–max)", "pairs", "wanted"}

func (r row) cells() []string { return []string{r.what, r.ours, r.other, r.ratio, r.pairs, r.wanted} }

// printTable writes Markdown that can be read as plain text too.
func printTable(w io.Writer, rows []row) {
	widths := make([]int, len(head.cells()))
	rows = slices.Insert(slices.Clone(rows), 0, head)
	for _, r := range rows {
		for i, cell := range r.cells() {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for i, r := range rows {
		fmt.Fprintln(w, line(r.cells(), widths, " "))
		if i == 0 {
			fmt.Fprintln(w, line(make([]string, len(widths)), widths, "-"))
		}
	}
}

func line(cells []string, widths []int, fill string) string {
	var b strings.Builder
	for i, cell := range cells {
		b.WriteString("|" + fill + cell + strings.Repeat(fill, widths[i]-utf8.RuneCountInString(cell)) + fill)
	}
	return b.String() + "|"
}

// wish is what is hoped for; its zero value is that nothing is.
type wish struct {
	limit float64
	more  bool // limit is the least, not the most
	unit  string
}

func atMost(limit float64) wish  { return wish{limit: limit} }
func atLeast(limit float64) wish { return wish{limit: limit, more: true} }

// judge says what is wished for and whether value is that.
func (w wish) judge(value float64) string {
	if w == (wish{}) {
		return "–"
	}
	sign, ok := "≤", value <= w.limit
	if w.more {
		sign, ok = "≥", value >= w.limit
	}
	verdict := "missed"
	if ok {
		verdict = "ok"
	}
	return fmt.Sprintf("%s %g%s: %s", sign, w.limit, w.unit, verdict)
}
