package main

import (
	"cmp"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// job is a kind of load.
type job struct {
	name        string
	connections int
	path        string
	header      string
	seconds     int   // of one run; 0: as long as the command line says
	amount      count // what is counted
	format      func(float64) string
	wanted      wish // of the amount a second, against the trio
	cpuFor      float64
	cpuName     string // of the amount cpuFor; empty: the processor time is not shown
}

// bytesPath gives a body so large that nothing else matters, and so small that the application has it in the processor's cache.
const bytesPath = "/bytes?n=1048576"

var jobs = []job{
	{name: "requests", connections: 32, path: "/",
		amount: requests, format: perSecond, wanted: atLeast(1.5), cpuFor: 1e5, cpuName: "100,000 requests"},
	{name: "new connections", connections: 32, path: "/", header: "Connection: close",
		amount: requests, format: perSecond, wanted: atLeast(2), cpuFor: 1e5, cpuName: "100,000 connections"},
	{name: "bytes, 1 connection", connections: 1, path: bytesPath, seconds: 3,
		amount: bytes, format: gigabytes},
	{name: "bytes, 8 connections", connections: 8, path: bytesPath, seconds: 3,
		amount: bytes, format: gigabytes, cpuFor: 1e10, cpuName: "10 GB"},
}

// outcome is what one run of load has seen. proxy and all are processor seconds: those of the proxy, and those of all that is on the way
// but the client, which are the proxy, what publishes the port, and the application.
type outcome struct {
	requests, bytes, seconds float64
	errors                   int
	proxy, all               float64
}

// count is one of the two things that can be counted.
type count func(outcome) float64

func requests(o outcome) float64 { return o.requests }
func bytes(o outcome) float64    { return o.bytes }

func (j job) rate(o outcome) float64      { return j.amount(o) / o.seconds }
func (j job) proxyCost(o outcome) float64 { return o.proxy / j.amount(o) * j.cpuFor }
func (j job) cost(o outcome) float64      { return o.all / j.amount(o) * j.cpuFor }

// load compares the ways to the same application.
func load(b *bench) ([]row, error) {
	if err := b.wakeAll(); err != nil {
		return nil, err
	}
	var rows []row
	for _, j := range jobs {
		seen, err := b.compare(j, ways)
		if err != nil {
			return rows, err
		}
		rows = append(rows, j.rows(seen[0], seen[1:])...)
	}
	memory, err := b.afterLoad()
	return append(rows, memory...), err
}

// compare gives what was seen of each target.
func (b *bench) compare(j job, targets []target) ([][]outcome, error) {
	return inRounds(b.rounds, targets, func(t target) (outcome, error) {
		o, err := b.loadOn(t, j)
		if err == nil {
			progress("%s, %s: %s, %d errors", j.name, t.name, j.format(j.rate(o)), o.errors)
		}
		return o, err
	})
}

// rows are those of one job; theirs are in the order of others.
func (j job) rows(ours []outcome, theirs [][]outcome) []row {
	var rates, costs []row
	for i, t := range others {
		w := wish{}
		if i == 0 {
			w = j.wanted
		}
		rates = append(rates, withErrors(match(ours, theirs[i], j.rate).row(j.name+"; "+t.name, j.format, w), ours, theirs[i]))
		costs = append(costs, match(ours, theirs[i], j.cost).row("CPU for "+j.cpuName+", whole way; "+t.name, cpuSeconds, wish{}))
	}
	if j.cpuName == "" {
		return rates
	}
	proxies := match(ours, theirs[0], j.proxyCost).row("CPU for "+j.cpuName+", proxy; systemd-socket-proxyd", cpuSeconds, wish{})
	return append(append(rates, proxies), costs...)
}

// withErrors says so when requests have failed: fast and wrong is not fast.
func withErrors(r row, ours, other []outcome) row {
	if mine, theirs := errorsOf(ours), errorsOf(other); mine+theirs > 0 {
		r.wanted += fmt.Sprintf("; %d and %d errors", mine, theirs)
	}
	return r
}

func errorsOf(all []outcome) int {
	sum := 0
	for _, o := range all {
		sum += o.errors
	}
	return sum
}

// loadOn runs the load generator once, after a short run that does not count.
func (b *bench) loadOn(t target, j job) (outcome, error) {
	if _, err := wrk(t, j, 1); err != nil {
		return outcome{}, err
	}
	proxy, all, err := b.cpu(t)
	if err != nil {
		return outcome{}, err
	}
	o, err := wrk(t, j, cmp.Or(j.seconds, b.length))
	if err != nil {
		return o, err
	}
	o.proxy, o.all, err = b.cpu(t)
	o.proxy -= proxy
	o.all -= all
	return o, err
}

// cpu is the processor time that the proxy and all services of the target have used so far.
func (b *bench) cpu(t target) (proxy, all float64, err error) {
	if proxy, err = b.lab.cpu(t.services[0]); err != nil {
		return
	}
	all, err = b.lab.cpu(t.services...)
	return
}

// wrk has one thread: the other processors are for what is measured.
func wrk(t target, j job, seconds int) (outcome, error) {
	args := []string{"-t1", "-c", strconv.Itoa(j.connections), "-d", strconv.Itoa(seconds), "-s", "report.lua", "--timeout", "10s"}
	if j.header != "" {
		args = append(args, "-H", j.header)
	}
	out, err := exec.Command("wrk", append(args, "http://"+t.address+j.path)...).CombinedOutput()
	if err != nil {
		return outcome{}, fmt.Errorf("wrk %s: %w\n%s", t.name, err, out)
	}
	return readOutcome(string(out))
}

func readOutcome(out string) (outcome, error) {
	_, result, _ := strings.Cut(out, "\nresult ")
	var o outcome
	var micros float64
	if _, err := fmt.Sscan(result, &o.requests, &o.bytes, &micros, &o.errors); err != nil {
		return o, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	if o.seconds = micros / 1e6; o.bytes == 0 || o.seconds == 0 {
		return o, fmt.Errorf("wrk got no answer:\n%s", out)
	}
	return o, nil
}
