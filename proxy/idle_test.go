package proxy

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// serveSleepy is a serving stage that nobody wants, whose manager answers as the function does when it is to stop it.
func serveSleepy(t *testing.T, cfg config, d door, sleep func(context.Context) (string, error)) *run {
	t.Helper()
	cfg.self = "db-proxy.service"
	r := prepare(t, cfg, d)
	r.s.wanted = func(context.Context) (string, error) { return "", nil }
	r.s.sleep = sleep
	r.start()
	return r
}

// TestSleepIsRefused: another unit that needs it has begun to start since nobody wanted it. It serves on, who came meanwhile as well,
// and goes when it may.
func TestSleepIsRefused(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan bool), make(chan string)
	r := serveSleepy(t, idleConfig(t), openDoor(t, "tcp"), func(context.Context) (string, error) {
		asked <- true
		return <-answer, nil
	})
	<-asked
	c := r.dial(0)
	time.Sleep(50 * time.Millisecond) // the idle timer fires again; one question at a time is enough
	if !waiting(r.fds[0]) {
		t.Error("a client was taken from the queue by one who may be about to end")
	}
	answer <- "another unit that starts"
	exchange(t, c)
	c.Close()
	<-asked
	answer <- "another unit that starts"
	eventually(t, "a status", func() bool { return strings.Contains(r.said(), ", kept awake by another unit that starts; ") })
	<-asked
	answer <- ""
	r.exits(0)
	if !strings.Contains(r.logged(), "Nobody was connected for 20ms") {
		t.Errorf("log:\n%s", r.logged())
	}
}

// TestSleepLosesNobody: who comes while systemd is asked to stop it is left in the queue, however it ends then.
func TestSleepLosesNobody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ends func(r *run, answer chan<- error)
		log  string
	}{
		{"systemd agrees", func(_ *run, answer chan<- error) { answer <- nil }, "Nobody was connected for 20ms"},
		{"its SIGTERM comes first", func(r *run, _ chan<- error) { r.s.stop("Asked to stop") }, "Nobody was connected for 20ms"},
		{"systemd does not answer", func(_ *run, answer chan<- error) { answer <- errors.New("no such bus") }, "Nobody was connected for 20ms"},
		{"the container ends", func(r *run, _ chan<- error) { r.s.loop.post(r.s.containerEnded) }, "The container has ended"},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked, answer := make(chan bool), make(chan error)
			r := serveSleepy(t, idleConfig(t), openDoor(t, "tcp"), func(ctx context.Context) (string, error) {
				asked <- true
				select {
				case err := <-answer:
					return "", err
				case <-ctx.Done():
					return "", ctx.Err()
				}
			})
			<-asked
			client := r.dial(0)
			c.ends(r, answer)
			r.exits(0)
			if !waiting(r.fds[0]) {
				t.Error("the client is not in the queue any more")
			}
			if err := client.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Read(make([]byte, 1)); errors.Is(err, unix.ECONNRESET) {
				t.Error("the client was let go")
			}
			if !strings.Contains(r.logged(), c.log) {
				t.Errorf("log:\n%s", r.logged())
			}
		})
	}
}

// TestNoUnitIsStopped: without a unit of its own there is nobody to ask.
func TestNoUnitIsStopped(t *testing.T) {
	t.Parallel()
	r := prepare(t, idleConfig(t), openDoor(t, "tcp"))
	r.s.sleep = func(context.Context) (string, error) {
		t.Error("systemd was asked to stop something")
		return "", nil
	}
	r.start()
	r.exits(0)
}
