package proxy

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"
)

// unsettled says which container of the pod is just being started or stopped; nil where none is. A connection may come while
// the pod goes to sleep: then systemd lets the pod live and starts its containers again, but until they have stopped they
// would take connections which they do not serve any more. One that waits for its restart is not waited for.
func unsettled(pod unitState, o outside) error {
	for _, name := range pod.BoundBy {
		member, err := o.query(name)
		if err != nil {
			continue
		}
		starting := member.ActiveState == "activating" && !strings.HasPrefix(member.SubState, "auto-restart")
		if starting || member.ActiveState == "deactivating" {
			return fmt.Errorf("%w: %s is %s", errNoContainer, name, member.ActiveState)
		}
	}
	return nil
}

// whyStopped is a sentence about a pod that is stopped before it has answered, as it is when a container could not start. Were
// its clients left in the queue, they would start it again and again.
func (c *config) whyStopped() string {
	return fmt.Sprintf("%s was stopped before the application answered, as if one of its containers could not start; see %s",
		c.unit, c.unitStatus())
}

// failWhenStopped refuses the connections when systemd stops us while we wait for the pod. The result ends that.
func (c *config) failWhenStopped(fds []int, log logger) (done func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT)
	go func() {
		if _, stopped := <-signals; stopped {
			os.Exit(fail(1, errors.New(c.whyStopped()), fds, log))
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}
