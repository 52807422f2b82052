package proxy

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// failWhenStopped refuses the connections when systemd stops us while we wait, and it is because nothing will come of the
// waiting. Were they left in the queue, they would start the next round at once, again and again. The result ends that.
func (c *config) failWhenStopped(fds []int, log logger) (done func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT)
	go func() {
		if _, stopped := <-signals; stopped {
			if why := c.whyStopped(c.outside()); why != nil { // of its own: who waits may be asking
				os.Exit(c.fail(1, why, fds, log))
			}
			os.Exit(0)
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

// whyStopped is a sentence about what has ended before it answered; nil where the clients can wait. That is so where somebody
// wants it to stop or to restart: then systemd stops us before it touches the service (After= in systemd.unit(5)). And where it
// has answered a proxy before us. A pod is stopped when one of its containers could not start, and looks then as if somebody
// had wanted it.
func (c *config) whyStopped(o outside) error {
	if c.pod {
		return errors.New(c.podStopped())
	}
	state, err := o.query(c.unit)
	if err != nil || state.starting() && state.ActiveState != "deactivating" || state.answered(o) {
		return nil
	}
	return fmt.Errorf("%s has ended before the application answered (result %q): the next connection tries again; see %s",
		c.unit, state.result, c.journal())
}

// answered tells whether our own unit has been active, which it is when the application answers, since the service was started
// last.
func (u unitState) answered(o outside) bool {
	self, err := o.unitOf(os.Getpid())
	if err != nil {
		return false
	}
	own, err := o.query(self)
	return err == nil && own.Active.After(u.Starting)
}

// wentDown tells whether a service that has answered a proxy before us has gone down since we began. It had not been started for
// our clients, so they can wait for one that is.
func (c *config) wentDown(began time.Time, o outside) bool {
	state, err := o.query(c.unit)
	return err == nil && state.Down() && state.Since.After(began) && state.answered(o)
}
