package proxy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"podman-ondemand/figures"
)

// statusEvery is the shortest time between two STATUS= messages.
const statusEvery = time.Second

// startSlack is what systemd shall wait longer than we do, so that it is us who say why it did not work.
const startSlack = 15 * time.Second

// status tells systemd what goes on (sd_notify(3)), in the words that `systemctl status` shows.
type status struct {
	s     *server
	send  func(string)
	timer *timer
	last  time.Duration  // when the last message went out
	said  figures.Status // what it said; no new message while that is so

	idleSince time.Time // zero: not idle
	idleTotal int64     // connections until then
}

func newStatus(s *server, send func(string)) *status {
	st := &status{s: s, send: send, last: -statusEvery}
	st.timer = s.loop.newTimer(st.tell)
	return st
}

// current is how things are now.
func (st *status) current() figures.Status {
	s := st.s
	f := figures.Status{Connections: s.conns + s.udpFlows, Total: s.total, In: s.fw.in, Out: s.fw.out}
	if !s.isIdle() {
		st.idleSince = time.Time{}
		return f
	}
	if st.idleSince.IsZero() || st.idleTotal != s.total {
		st.idleSince, st.idleTotal = time.Now(), s.total
	}
	f.IdleSince = st.idleSince
	switch {
	case s.keptBy != "":
		f.KeptBy = s.keptBy
	case s.cfg.idleTimeout != infinity:
		f.StopsAt = st.idleSince.Add(s.cfg.idleTimeout)
	}
	return f
}

// update sees to it that a change is told within a second. Without a change no timer runs.
func (st *status) update() {
	if st.s.ready && !st.s.ending && st.timer.at == 0 && st.current() != st.said {
		st.s.loop.arm(st.timer, max(0, st.last+statusEvery-st.s.loop.now()))
	}
}

func (st *status) tell() {
	st.said, st.last = st.current(), st.s.loop.now()
	st.send("STATUS=" + st.said.String())
}

// waiting is the first message: the application is waited for, and systemd shall do so as well.
func (st *status) waiting() {
	c := &st.s.cfg
	names := make([]string, len(c.targets))
	for i, t := range c.targets {
		names[i] = t.name
	}
	what := strings.Join(names, " or ")
	if c.ready.probed() {
		what = c.ready.String()
	}
	st.send(extendStart(c.startTimeout-c.waited) + "STATUS=Waiting for the application on " + what)
}

// ready is sent when the first target has answered.
func (st *status) ready() {
	st.said, st.last = st.current(), st.s.loop.now()
	st.send("READY=1\nSTATUS=" + st.said.String())
}

// stopping is the last message. systemd keeps it while the unit is failed.
func (st *status) stopping() {
	text := "Stopping: " + st.sum()
	if st.s.failed != "" {
		text = figures.Refused(st.s.failed)
	}
	st.send("STOPPING=1\nSTATUS=" + text)
}

// sum is what was done, for the log.
func (st *status) sum() string {
	s := st.s
	return fmt.Sprintf("%s since start, %s in, %s out", figures.Count(s.total, "connection"), figures.Bytes(s.fw.in), figures.Bytes(s.fw.out))
}

// extendStart asks systemd for more time than its TimeoutStartSec= (EXTEND_TIMEOUT_USEC= in sd_notify(3)).
func extendStart(d time.Duration) string {
	if d > 24*365*time.Hour {
		d = 24 * 365 * time.Hour
	}
	return "EXTEND_TIMEOUT_USEC=" + strconv.FormatInt((d+startSlack).Microseconds(), 10) + "\n"
}
