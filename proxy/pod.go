package proxy

import (
	"fmt"
	"strings"
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

// podStopped is a sentence about a pod that is stopped before it has answered, as it is when a container could not start.
func (c *config) podStopped() string {
	return fmt.Sprintf("%s was stopped before the application answered, as if one of its containers could not start; see %s",
		c.unit, c.unitStatus())
}
