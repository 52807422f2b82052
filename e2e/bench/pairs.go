package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
)

// pair is one turn of two things that are compared, ours and the other.
type pair struct{ ours, other float64 }

type pairs []pair

// each gives one figure of each pair.
func (ps pairs) each(figure func(pair) float64) []float64 {
	var all []float64
	for _, p := range ps {
		all = append(all, figure(p))
	}
	return all
}

func (ps pairs) ours() float64  { return median(ps.each(func(p pair) float64 { return p.ours })) }
func (ps pairs) other() float64 { return median(ps.each(func(p pair) float64 { return p.other })) }

// ratios are those of each pair: what slows the machine down for a while slows both down.
func (ps pairs) ratios() []float64 {
	return ps.each(func(p pair) float64 { return p.ours / p.other })
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// row compares by the ratio. format is how a figure is shown.
func (ps pairs) row(what string, format func(float64) string, w wish) row {
	ratios := ps.ratios()
	return row{what, format(ps.ours()), format(ps.other()), spread(ratios, "%.2f"), w.String(), w.verdict(median(ratios))}
}

// spread shows the median and how far values lie apart.
func spread(values []float64, format string) string {
	return fmt.Sprintf(format+" ("+format+"–"+format+")", median(values), slices.Min(values), slices.Max(values))
}

func ms(seconds float64) string   { return fmt.Sprintf("%.2f ms", seconds*1000) }
func perSecond(n float64) string  { return fmt.Sprintf("%.0f/s", n) }
func gigabytes(n float64) string  { return fmt.Sprintf("%.2f GB/s", n/1e9) }
func cpuSeconds(s float64) string { return fmt.Sprintf("%.2f s", s) }

// write and readPairs take pairs from the inside of the test host to the outside, a line each.
func (ps pairs) write(w io.Writer) {
	for _, p := range ps {
		fmt.Fprintln(w, p.ours, p.other)
	}
}

func readPairs(r io.Reader) (pairs, error) {
	var ps pairs
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var p pair
		if _, err := fmt.Sscan(lines.Text(), &p.ours, &p.other); err != nil {
			return nil, fmt.Errorf("%q: %w", lines.Text(), err)
		}
		ps = append(ps, p)
	}
	if len(ps) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return ps, lines.Err()
}

// inTurns is who is measured in a round, one after the other: every second round the other way about.
func inTurns[T any](all []T, round int) []T {
	turns := slices.Clone(all)
	if round%2 == 1 {
		slices.Reverse(turns)
	}
	return turns
}

// takeTurns calls ours and other n times, and changes who is first: being second must not be an advantage. An extra first turn does not
// count, it fills the caches.
func takeTurns(n int, ours, other func() (float64, error)) (pairs, error) {
	var ps pairs
	for i := range n + 1 {
		var p pair
		turns := []func() error{
			func() (err error) { p.ours, err = ours(); return },
			func() (err error) { p.other, err = other(); return },
		}
		if i%2 == 1 {
			slices.Reverse(turns)
		}
		for _, turn := range turns {
			if err := turn(); err != nil {
				return nil, err
			}
		}
		ps = append(ps, p)
	}
	return ps[1:], nil
}
