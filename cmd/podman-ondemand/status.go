package main

import (
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"podman-ondemand/control"
)

// How much "status" looks back.
const (
	lastStarts   = 5
	lastProblems = 10
	lastDays     = 7 * 24 * time.Hour
)

func statusCommand() *cobra.Command {
	var f appFlags
	c := &cobra.Command{
		Use:   "status NAME...",
		Short: "Show all of one application",
		Long: `Shows all of an application: its units, what they listen on, its last starts
with their times, what the journal has of warnings and errors since the last
good start, and what to do next.

NAME is that of the application, its file or one of its units, or a pattern. The
exit status is 0 where connections are served or wait for the container, 3 where
not (stopped, failed, broken), and 4 where there is no such application.`,
		Example: "  podman-ondemand status web",
		GroupID: groupApps,
		Args:    f.names,
		RunE:    func(c *cobra.Command, args []string) error { return f.status(c, args) },
	}
	c.ValidArgsFunction = f.complete
	f.add(c)
	return c
}

func (f *appFlags) status(c *cobra.Command, args []string) error {
	ctx, cancel := interruptible()
	defer cancel()
	s, apps, err := f.chosen(ctx, args)
	if err != nil {
		return err
	}
	worst := 0
	for i, a := range apps {
		var b strings.Builder
		if i > 0 {
			b.WriteByte('\n')
		}
		r, err := s.Report(ctx, a, control.Depth{Starts: lastStarts, Problems: lastProblems, Since: lastDays})
		if err != nil {
			return err
		}
		r.Color = colored(c.OutOrStdout())
		r.Show(&b)
		if _, err := io.WriteString(c.OutOrStdout(), b.String()); err != nil {
			return err
		}
		worst = max(worst, r.Status.State.ExitStatus())
	}
	return ended(worst)
}
