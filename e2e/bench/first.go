package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// The addresses are all of the test host's own loopback.
const (
	ourAddress  = "127.0.0.1:18080"
	trioAddress = "127.0.0.1:18081" // systemd-socket-proxyd
	portAddress = "127.0.0.1:18082" // the port that podman publishes for it
	bareAddress = "127.0.0.1:18083" // "podman run" without systemd
	napAddress  = "127.0.0.1:18084" // what goes to sleep by itself
)

const image = "localhost/testapp"

// ours is all that a person writes.
const ours = `[Container]
Image=` + image + `
PublishPort=` + ourAddress + `:80
`

// firstRequest is from connect to answer with a container that is not there, against "podman run -d" and connecting until there is an answer.
func firstRequest(b *bench) ([]row, error) {
	progress("first request")
	if err := b.lab.install("ours", ours); err != nil {
		return nil, err
	}
	ps, err := b.lab.inside("first", strconv.Itoa(b.pairs))
	if err != nil {
		return nil, err
	}
	return []row{ps.row("first request, asleep before; podman run -d and connect", ms, atMost(1.3))}, nil
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

func eventually(what string, holds func() bool) error {
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("not within 20 s: %s", what)
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
