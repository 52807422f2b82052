package main

import (
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The rate is moderate and the same for all ways: at full load a latency says only how many wait, and at different rates it says nothing.
const (
	pacedRate    = 2000 // requests a second, over all connections
	pacedClients = 8    // each with one connection
)

// The application answers the same each time.
const (
	question   = "GET /hello HTTP/1.1\r\nHost: bench\r\n\r\n"
	wholeReply = "HTTP/1.1 200 Status\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
)

// latencies are those of single requests in seconds, the shortest first.
type latencies []float64

// percentile is what p percent of them do not exceed.
func (l latencies) percentile(p float64) float64 {
	return l[max(int(math.Ceil(p*float64(len(l))/100))-1, 0)]
}

// latency compares the ways to the same application.
func latency(b *bench) ([]row, error) {
	if err := b.wakeAll(); err != nil {
		return nil, err
	}
	seen, err := inRounds(b.rounds, ways, func(t target) (latencies, error) {
		if _, err := paced(t.address, time.Second); err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		l, err := paced(t.address, time.Duration(b.length)*time.Second)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		progress("latency, %s: p50 %s, p99.9 %s", t.name, ms(l.percentile(50)), ms(l.percentile(99.9)))
		return l, nil
	})
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, p := range []float64{50, 99, 99.9} {
		at := func(l latencies) float64 { return l.percentile(p) }
		for i, t := range others {
			rows = append(rows, match(seen[0], seen[1+i], at).row(fmt.Sprintf("latency, p%g; %s", p, t.name), ms, wish{}))
		}
	}
	return rows, nil
}

// paced has all clients send their requests for d, at times that lie evenly apart.
func paced(address string, d time.Duration) (latencies, error) {
	const apart = time.Second / pacedRate
	began := time.Now().Add(10 * time.Millisecond)
	var all sync.WaitGroup
	some := make([]latencies, pacedClients)
	errs := make([]error, pacedClients)
	for i := range pacedClients {
		all.Add(1)
		go func() {
			defer all.Done()
			some[i], errs[i] = pacedFrom(address, began.Add(time.Duration(i)*apart), pacedClients*apart, int(d/apart)/pacedClients)
		}()
	}
	all.Wait()
	merged := slices.Concat(some...)
	slices.Sort(merged)
	return merged, firstOf(errs...)
}

// pacedFrom is one client, whose n requests are due at began and then every so often. A request that has to wait for the answer to the one
// before counts from when it was due.
func pacedFrom(address string, began time.Time, every time.Duration, n int) (latencies, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var all latencies
	for i := range n {
		due := began.Add(time.Duration(i) * every)
		if time.Now().Before(due) {
			sleepUntil(due)
			due = time.Now() // that this program wakes late is nobody's latency
		}
		if err := ask(c); err != nil {
			return nil, err
		}
		all = append(all, time.Since(due).Seconds())
	}
	return all, nil
}

// sleepUntil is more exact than time.Sleep, which may be a millisecond late.
func sleepUntil(t time.Time) {
	for left := time.Until(t); left > 0; left = time.Until(t) {
		interval := unix.NsecToTimespec(left.Nanoseconds())
		unix.Nanosleep(&interval, nil)
	}
}

func ask(c net.Conn) error {
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, question); err != nil {
		return err
	}
	var reply [len(wholeReply)]byte
	if _, err := io.ReadFull(c, reply[:]); err != nil {
		return err
	}
	if string(reply[:]) != wholeReply {
		return fmt.Errorf("answered %q", reply)
	}
	return nil
}
