package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"podman-ondemand/manager"
)

// checkTime bounds the question whether the container may sleep. systemd ends the command after 30 s, and that takes 5 s more at
// the most (emit/idlecheck.go).
const checkTime = 45 * time.Second

// starter is what idleCheck needs of a service manager.
type starter interface {
	Start(ctx context.Context, unit string) error
	Exit(ctx context.Context, service string) (manager.Exit, error)
}

// Exit statuses of podman itself (podman-exec(1), "EXIT STATUS"): it could not run the command, as where the container is gone. A shell
// that does not find its command uses the last one as well.
const (
	podmanFailed = 125
	notFound     = 127
)

// idleCheck runs unit to its end. The veto, if there is one, is in words that follow "kept awake by". The error says why there is no
// answer: the command was not run, or did not end.
func idleCheck(ctx context.Context, m starter, unit string) (veto string, err error) {
	startErr := m.Start(ctx, unit)
	var job *manager.JobError
	if startErr != nil && (!errors.As(startErr, &job) || job.Result == "") {
		return "", startErr
	}
	e, err := m.Exit(ctx, unit)
	switch {
	case err != nil:
		return "", err
	case e.Result != "success":
		return "", fmt.Errorf("%s did not end well (result %q)", unit, e.Result)
	case startErr != nil:
		return "", startErr
	case e.Signal != 0:
		return "", fmt.Errorf("podman was ended by signal %d", e.Signal)
	case e.Status >= podmanFailed && e.Status <= notFound:
		return "", fmt.Errorf("podman could not run the command (exit status %d)", e.Status)
	case e.Status != 0:
		return fmt.Sprintf("IdleCheck= (exit status %d)", e.Status), nil
	}
	return "", nil
}

// askIdleCheck is idleCheck of our own manager. It is done when ctx is.
func (c *config) askIdleCheck(ctx context.Context) (string, error) {
	return c.withManager(ctx, func(conn *manager.Conn) (string, error) { return idleCheck(ctx, conn, c.idleCheck) })
}
