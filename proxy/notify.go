package proxy

import (
	"fmt"
	"strconv"
	"strings"
	"time"
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
	last  time.Duration // when the last message went out
	said  figures       // what it was about
}

// figures are what a status is about; no new message while they are the same.
type figures struct {
	conns   int
	total   int64
	in, out int64
	idle    bool
	keptBy  string // the unit that keeps it awake though it is idle
}

func newStatus(s *server, send func(string)) *status {
	st := &status{s: s, send: send, last: -statusEvery}
	st.timer = s.loop.newTimer(st.tell)
	return st
}

func (st *status) current() figures {
	s := st.s
	return figures{s.conns, s.total, s.fw.in, s.fw.out, s.isIdle(), s.keptBy}
}

// update sees to it that a change is told within a second. Without a change no timer runs.
func (st *status) update() {
	if st.s.ready && st.timer.at == 0 && st.current() != st.said {
		st.s.loop.arm(st.timer, max(0, st.last+statusEvery-st.s.loop.now()))
	}
}

func (st *status) tell() {
	st.said, st.last = st.current(), st.s.loop.now()
	st.send("STATUS=" + st.said.text(st.s.cfg.idleTimeout))
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
	st.send("READY=1\nSTATUS=The application answers")
}

func (st *status) stopping() {
	st.send("STOPPING=1\nSTATUS=Stopping: " + st.figures())
}

// figures is the sum of what was done, for the log.
func (st *status) figures() string {
	f := st.current()
	return fmt.Sprintf("%s since start, %s in, %s out", count(f.total, "connection"), byteText(f.in), byteText(f.out))
}

// text is a status in words.
func (f figures) text(idle time.Duration) string {
	switch {
	case !f.idle:
		return fmt.Sprintf("%s, %s since start, %s in, %s out", count(int64(f.conns), "connection"), grouped(f.total), byteText(f.in), byteText(f.out))
	case f.keptBy != "":
		return "Idle, kept awake by " + f.keptBy
	case idle == infinity:
		return "Idle, stays awake"
	}
	return "Idle, stops in " + spanText(idle) + " if nobody connects"
}

// extendStart asks systemd for more time than its TimeoutStartSec= (EXTEND_TIMEOUT_USEC= in sd_notify(3)).
func extendStart(d time.Duration) string {
	if d > 24*365*time.Hour {
		d = 24 * 365 * time.Hour
	}
	return "EXTEND_TIMEOUT_USEC=" + strconv.FormatInt((d+startSlack).Microseconds(), 10) + "\n"
}
