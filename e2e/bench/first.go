package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const bareAddress = "127.0.0.1:18083" // "podman run" without systemd

// firstRequest is from connect to answer with a container that is not there, against "podman run -d" and connecting until there is an
// answer, and against the trio in the same state.
func firstRequest(b *bench) ([]row, error) {
	progress("first request")
	if err := b.lab.install("ours", ours); err != nil {
		return nil, err
	}
	ps, err := b.lab.inside("first", b.pairs, 0)
	if err != nil {
		return nil, err
	}
	bare := ps.row("first request, asleep before; podman run -d and connect", ms, atMost(1.3))
	trio, err := b.firstThroughTrio()
	return []row{bare, trio}, err
}

// firstThroughTrio wakes ours and the trio in turns. A client that the trio lets down, since its container is there before the application
// listens, tries again, and these tries are counted.
func (b *bench) firstThroughTrio() (row, error) {
	if err := b.installTrio(); err != nil {
		return row{}, err
	}
	lost := 0
	ps, err := takeTurns(b.pairs,
		func() (float64, error) { return b.firstThrough(throughUs, nil) },
		func() (float64, error) { return b.firstThrough(throughTrio, &lost) })
	if err != nil {
		return row{}, err
	}
	r := ps.row("first request, asleep before; trio", ms, wish{})
	if lost > 0 {
		r.wanted = fmt.Sprintf("the trio lost %d", lost)
	}
	return r, nil
}

// firstThrough puts the target to sleep, then times a request until it is answered. Where lost is nil the first try has to do.
func (b *bench) firstThrough(t target, lost *int) (float64, error) {
	if err := b.lab.systemctl(append([]string{"stop"}, t.services...)...); err != nil {
		return 0, err
	}
	begin := time.Now()
	for {
		err := get(t.address)
		if took := time.Since(begin); err == nil || lost == nil || took > 20*time.Second {
			return took.Seconds(), err
		}
		*lost++
		time.Sleep(time.Millisecond)
	}
}

// install gives an application to demo. After the reload its socket comes by itself.
func (l lab) install(name, text string) error {
	if err := l.write(".config/containers/systemd/"+name+".ondemand", text); err != nil {
		return err
	}
	if err := l.systemctl("daemon-reload"); err != nil {
		return err
	}
	return eventually(name+".socket listens", func() bool { return l.systemctl("is-active", name+".socket") == nil })
}

func eventually(what string, holds func() bool) error { return within(20*time.Second, what, holds) }

func within(d time.Duration, what string, holds func() bool) error {
	for deadline := time.Now().Add(d); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v: %s", d, what)
		}
	}
	return nil
}

func firstInside(n int) (pairs, error) {
	ps, err := takeTurns(n, wake, podmanRun)
	_, err2 := run("/usr/bin/podman", "rm", "-f", "-i", "-t", "0", "bare")
	return ps, firstOf(err, err2)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// wake puts the application to sleep, then times a request.
func wake() (float64, error) {
	if _, err := run("/usr/bin/systemctl", "--user", "stop", "ours-proxy.service", "ours.service"); err != nil {
		return 0, err
	}
	begin := time.Now()
	err := get(ourAddress)
	return time.Since(begin).Seconds(), err
}

// podmanRun is the same container with a published port, which a person starts. What is left of the last one is removed before.
func podmanRun() (float64, error) {
	if _, err := run("/usr/bin/podman", "rm", "-f", "-i", "-t", "0", "bare"); err != nil {
		return 0, err
	}
	begin := time.Now()
	if _, err := run("/usr/bin/podman", "run", "-d", "--replace", "--rm", "--name", "bare", "-p", bareAddress+":80", image); err != nil {
		return 0, err
	}
	for {
		err := get(bareAddress)
		if took := time.Since(begin); err == nil || took > 20*time.Second {
			return took.Seconds(), err
		}
		time.Sleep(time.Millisecond)
	}
}

// get is a request on a connection of its own.
func get(address string) error {
	c, err := net.DialTimeout("tcp", address, 20*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	status, err := r.ReadString('\n')
	if err == nil && !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		err = fmt.Errorf("%s answered %q", address, status)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	return err
}
