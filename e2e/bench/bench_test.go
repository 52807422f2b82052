package main

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 2, 9}, 3},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
	}
}

// TestRatioOfPairs: a turn in which the machine was slow for both does not move the ratio.
func TestRatioOfPairs(t *testing.T) {
	ps := pairs{{0.001, 0.002}, {0.010, 0.020}, {0.001, 0.001}}
	got := ps.row("x", ms, atMost(0.5))
	want := row{"x", "1.00 ms", "2.00 ms", "0.50 (0.50–1.00)", "3", "≤ 0.5: ok"}
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		wish  wish
		value float64
		want  string
	}{
		{wish{}, 7, "–"},
		{atMost(1), 1, "≤ 1: ok"},
		{atMost(1), 1.01, "≤ 1: missed"},
		{atLeast(2), 2, "≥ 2: ok"},
		{atLeast(2), 1.99, "≥ 2: missed"},
		{wish{limit: 4, unit: " MB"}, 3, "≤ 4 MB: ok"},
	} {
		if got := c.wish.judge(c.value); got != c.want {
			t.Errorf("%v, %v: %q, want %q", c.wish, c.value, got, c.want)
		}
	}
}

func TestTakeTurns(t *testing.T) {
	var order strings.Builder
	turn := func(name string, value float64) func() (float64, error) {
		return func() (float64, error) { order.WriteString(name); return value, nil }
	}
	ps, err := takeTurns(2, turn("a", 1), turn("b", 2))
	if err != nil || len(ps) != 2 || ps[0] != (pair{1, 2}) || ps[1] != (pair{1, 2}) {
		t.Errorf("got %v, %v", ps, err)
	}
	if order.String() != "abbaab" {
		t.Errorf("order %q", order.String())
	}
}

func TestReadPairs(t *testing.T) {
	want := pairs{{0.25, 1e-06}, {3, 4}}
	var text strings.Builder
	want.write(&text)
	got, err := readPairs(strings.NewReader(text.String()))
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{"", "1\n", "a b\n"} {
		if got, err := readPairs(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}

func TestReadOutcome(t *testing.T) {
	got, err := readOutcome("Running 2s test\n\nRequests/sec: 1\nresult 300 4000 2000000 5\n")
	if want := (outcome{requests: 300, bytes: 4000, seconds: 2, errors: 5}); err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{"unable to connect\n", "\nresult 0 0 2000000 7\n"} {
		if _, err := readOutcome(bad); err == nil {
			t.Errorf("%q was taken for a result", bad)
		}
	}
}

func TestPercentile(t *testing.T) {
	var thousand latencies
	for i := range 1000 {
		thousand = append(thousand, float64(i+1))
	}
	for _, c := range []struct {
		l       latencies
		p, want float64
	}{
		{latencies{7}, 50, 7},
		{latencies{7}, 99.9, 7},
		{latencies{1, 2, 3, 4}, 50, 2},
		{latencies{1, 2, 3, 4}, 99, 4},
		{thousand, 99, 990},
		{thousand, 99.9, 999},
	} {
		if got := c.l.percentile(c.p); got != c.want {
			t.Errorf("p%g of %d values: %v, want %v", c.p, len(c.l), got, c.want)
		}
	}
}

// TestPaced: a request that waits for the one before counts from when it was due.
func TestPaced(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const pause = 50 * time.Millisecond
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for asked := make([]byte, len(question)); ; {
			if _, err := io.ReadFull(c, asked); err != nil {
				return
			}
			time.Sleep(pause)
			io.WriteString(c, wholeReply)
		}
	}()
	got, err := pacedFrom(l.Addr().String(), time.Now(), time.Millisecond, 3)
	if err != nil || len(got) != 3 {
		t.Fatalf("got %v, %v", got, err)
	}
	if want := (3*pause - 2*time.Millisecond).Seconds(); got[2] < want {
		t.Errorf("the third took %v s, want %v s at least", got[2], want)
	}
}

func TestPrintTable(t *testing.T) {
	var b strings.Builder
	printTable(&b, []row{{"a row", "1 ms", "2 ms", "0.50 (0.40–0.60)", "3", "≤ 1: ok"}})
	want := `| what; the other | ours | the other | ratio (min–max)  | pairs | wanted  |
|-----------------|------|-----------|------------------|-------|---------|
| a row           | 1 ms | 2 ms      | 0.50 (0.40–0.60) | 3     | ≤ 1: ok |
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
