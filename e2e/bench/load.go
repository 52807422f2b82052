package main

import (
	"cmp"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// The trio that people write by hand: a socket, systemd-socket-proxyd, and a container with a port published on loopback.
const (
	trioContainer = `[Container]
Image=` + image + `
PublishPort=` + portAddress + `:80
`
	trioSocket = `[Socket]
ListenStream=` + trioAddress + `
`
	trioProxy = `[Unit]
Requires=trio.service trio-proxy.socket
After=trio.service trio-proxy.socket

[Service]
ExecStart=` + socketProxyd + " " + portAddress + `
`
	socketProxyd = "/usr/lib/systemd/systemd-socket-proxyd"
)

// target is one way to the application. services are those whose processor time it costs, the proxy first if there is one.
type target struct {
	name, address string
	services      []string
}

var (
	throughUs   = target{"ours", ourAddress, []string{"ours-proxy.service", "ours.service"}}
	throughTrio = target{"trio", trioAddress, []string{"trio-proxy.service", "trio.service"}}
	throughPort = target{"port", portAddress, []string{"trio.service"}}
	targets     = []target{throughUs, throughTrio, throughPort}
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

// load compares the three ways to the same application.
func load(b *bench) ([]row, error) {
	if err := b.installTrio(); err != nil {
		return nil, err
	}
	var rows []row
	for _, j := range jobs {
		some, err := b.compare(j)
		rows = append(rows, some...)
		if err != nil {
			return rows, err
		}
	}
	memory, err := b.awake()
	return append(rows, memory...), err
}

// installTrio starts it, and wakes ours.
func (b *bench) installTrio() error {
	for _, file := range []struct{ name, text string }{
		{".config/containers/systemd/trio.container", trioContainer},
		{".config/systemd/user/trio-proxy.socket", trioSocket},
		{".config/systemd/user/trio-proxy.service", trioProxy},
	} {
		if err := b.lab.write(file.name, file.text); err != nil {
			return err
		}
	}
	if err := b.lab.install("ours", ours); err != nil {
		return err
	}
	if err := b.lab.systemctl("start", "trio-proxy.socket"); err != nil {
		return err
	}
	for _, t := range targets {
		if err := eventually(t.name+" answers", func() bool { return get(t.address) == nil }); err != nil {
			return err
		}
	}
	return nil
}

// compare gives the rows of one job.
func (b *bench) compare(j job) ([]row, error) {
	seen := map[string][]outcome{}
	for round := range b.rounds {
		for _, t := range inTurns(targets, round) {
			o, err := b.loadOn(t, j)
			if err != nil {
				return nil, err
			}
			progress("%s, round %d, %s: %s, %d errors", j.name, round+1, t.name, j.format(j.rate(o)), o.errors)
			seen[t.name] = append(seen[t.name], o)
		}
	}
	return j.rows(seen[throughUs.name], seen[throughTrio.name], seen[throughPort.name]), nil
}

func (j job) rows(ours, trio, port []outcome) []row {
	rows := []row{
		withErrors(match(ours, trio, j.rate).row(j.name+"; trio", j.format, j.wanted), ours),
		match(ours, port, j.rate).row(j.name+"; published port alone", j.format, wish{}),
	}
	if j.cpuName == "" {
		return rows
	}
	cpu := "CPU for " + j.cpuName + ", "
	return append(rows,
		match(ours, trio, j.proxyCost).row(cpu+"proxy; systemd-socket-proxyd", cpuSeconds, wish{}),
		match(ours, trio, j.cost).row(cpu+"whole way; trio", cpuSeconds, wish{}),
		match(ours, port, j.cost).row(cpu+"whole way; published port alone", cpuSeconds, wish{}))
}

// match puts the outcomes of each round together.
func match(ours, other []outcome, figure count) pairs {
	var ps pairs
	for i := range ours {
		ps = append(ps, pair{figure(ours[i]), figure(other[i])})
	}
	return ps
}

// withErrors says so when requests of ours have failed: fast and wrong is not fast.
func withErrors(r row, ours []outcome) row {
	sum := 0
	for _, o := range ours {
		sum += o.errors
	}
	if sum > 0 {
		r.ok += fmt.Sprintf(", %d errors", sum)
	}
	return r
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
