package manager

import (
	"context"
	"errors"
	"fmt"

	godbus "github.com/godbus/dbus/v5"
)

// Start starts a unit and waits until the job has ended.
func (c *Conn) Start(ctx context.Context, unit string) error {
	return c.job(ctx, "start", "StartUnit", unit, replace)
}

// Stop stops a unit and waits until the job has ended.
func (c *Conn) Stop(ctx context.Context, unit string) error {
	return c.job(ctx, "stop", "StopUnit", unit, replace)
}

// Restart restarts a unit, or starts it, and waits until the job has ended.
func (c *Conn) Restart(ctx context.Context, unit string) error {
	return c.job(ctx, "restart", "RestartUnit", unit, replace)
}

// Job modes (org.freedesktop.systemd1(5)): a new job takes the place of others that contradict it, or is refused.
const (
	replace = "replace"
	fail    = "fail"
)

// StartOrFail is Start that takes no other job's place: it is refused while a unit is being stopped that this one needs.
func (c *Conn) StartOrFail(ctx context.Context, unit string) error {
	return c.job(ctx, "start", "StartUnit", unit, fail)
}

// StopOrFail asks for a stop, without waiting for its end, that takes no other job's place: it is refused while a unit is being started that
// would be stopped as well.
func (c *Conn) StopOrFail(ctx context.Context, unit string) error {
	var job godbus.ObjectPath
	if err := c.call(ctx, "StopUnit", []any{unit, fail}, &job); err != nil {
		return fmt.Errorf("stop %s: %w", unit, err)
	}
	return nil
}

// Refused tells whether the error is of StartOrFail or StopOrFail, and another job stands against this one.
func Refused(err error) bool {
	var answer godbus.Error
	return errors.As(err, &answer) && answer.Name == busName+".TransactionIsDestructive"
}

// job gives an order and waits until the manager says what became of it.
func (c *Conn) job(ctx context.Context, verb, method, unit, mode string) error {
	ctx, cancel := context.WithTimeout(ctx, JobTimeout)
	defer cancel()
	removed, done, err := c.watchJobs(ctx, unit)
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, unit, err)
	}
	defer done()
	var job godbus.ObjectPath
	if err := c.call(ctx, method, []any{unit, mode}, &job); err != nil {
		return fmt.Errorf("%s %s: %w", verb, unit, err)
	}
	for {
		select {
		case signal, open := <-removed:
			if !open {
				return fmt.Errorf("%s %s: %w", verb, unit, errLost)
			}
			switch result := resultOf(signal, job); result {
			case "":
			case "done":
				return nil
			default:
				return &JobError{verb, unit, result}
			}
		case <-ctx.Done():
			return &JobError{verb, unit, ""}
		}
	}
}

// errLost: the manager executes itself anew, or the bus goes down.
var errLost = errors.New("the connection to the service manager was lost")

// watchJobs hears of the end of the unit's jobs until done is called. It comes before the order: a job may end before the
// answer to that is here. A bus passes on what was asked for and no more; it knows the unit by the name that is not an alias.
func (c *Conn) watchJobs(ctx context.Context, unit string) (removed <-chan *godbus.Signal, done func(), err error) {
	match := []godbus.MatchOption{
		godbus.WithMatchSender(busName), godbus.WithMatchObjectPath(objects),
		godbus.WithMatchInterface(busName + ".Manager"), godbus.WithMatchMember("JobRemoved"),
	}
	if c.bus {
		p, err := c.properties(ctx, unit, "Unit", "Id")
		if err != nil {
			return nil, nil, err
		}
		match = append(match, godbus.WithMatchArg(2, text(p["Id"])))
		if err := c.wire.AddMatchSignalContext(ctx, match...); err != nil {
			return nil, nil, err
		}
	}
	signals := make(chan *godbus.Signal, 16)
	c.wire.Signal(signals)
	return signals, func() {
		c.wire.RemoveSignal(signals)
		if c.bus {
			_ = c.wire.RemoveMatchSignal(match...)
		}
	}, nil
}

// resultOf is how the job ended, "" where the signal is about something else. JobRemoved has the job's number, its path, the unit
// and the result.
func resultOf(signal *godbus.Signal, job godbus.ObjectPath) string {
	if signal.Name != busName+".Manager.JobRemoved" || len(signal.Body) != 4 || signal.Body[1] != job {
		return ""
	}
	return text(signal.Body[3])
}
