package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
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
	return row{what, format(ps.ours()), format(ps.other()), spread(ratios, "%.2f"), strconv.Itoa(len(ps)), w.judge(median(ratios))}
}

// spread shows the median and how far values lie apart, if there are several.
func spread(values []float64, format string) string {
	if len(values) == 1 {
		return fmt.Sprintf(format, values[0])
	}
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

// match puts together what was seen of two in each round.
func match[T any](ours, other []T, figure func(T) float64) pairs {
	var ps pairs
	for i := range ours {
		ps = append(ps, pair{figure(ours[i]), figure(other[i])})
	}
	return ps
}

// inRounds measures all, one after the other, n times, every second time the other way about. It gives what was seen of each.
func inRounds[T, O any](n int, all []T, measure func(T) (O, error)) ([][]O, error) {
	seen := make([][]O, len(all))
	for round := range n {
		for turn := range all {
			i := turn
			if round%2 == 1 {
				i = len(all) - 1 - turn
			}
			o, err := measure(all[i])
			if err != nil {
				return nil, err
			}
			seen[i] = append(seen[i], o)
		}
	}
	return seen, nil
}

// takeTurns calls ours and other n times, and changes who is first: being second must not be an advantage. An extra first turn does not
// count, it fills the caches.
func takeTurns(n int, ours, other func() (float64, error)) (pairs, error) {
	type turn = func() (float64, error)
	seen, err := inRounds(n+1, []turn{ours, other}, func(t turn) (float64, error) { return t() })
	if err != nil {
		return nil, err
	}
	return match(seen[0][1:], seen[1][1:], itself), nil
}

func itself(figure float64) float64 { return figure }
