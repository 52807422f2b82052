package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"podman-ondemand/control"
)

// verb is a command that does the same to each application.
type verb struct {
	name, short, long string
	all               bool // it has --all
	do                func(ctx context.Context, h control.Host, a control.App, tell func(string)) (string, error)
}

var verbs = []verb{
	{
		name: "start", short: "Open the port of an application", all: true,
		long: "Opens the port of an application that was stopped. Nothing runs until somebody\nconnects.",
		do: func(ctx context.Context, h control.Host, a control.App, _ func(string)) (string, error) {
			return h.Start(ctx, a)
		},
	},
	{
		name: "stop", short: "Close the port, and end what runs behind it", all: true,
		long: "Closes the port of an application and ends its proxy and its container. Nothing\nlistens until \"start\", or the next login or boot.",
		do: func(ctx context.Context, h control.Host, a control.App, _ func(string)) (string, error) {
			return h.Stop(ctx, a)
		},
	},
	{
		name: "wake", short: "Start the container as a connection would",
		long: "Opens a connection to the application, sends nothing, and waits until it is\nserved or let go. The container goes to sleep again as after any connection.",
		do:   wake,
	},
	{
		name: "sleep", short: "Stop the container now; the port stays open", all: true,
		long: "Ends the container and its proxy now, with the connections that are open. The\nnext connection wakes it.",
		do: func(ctx context.Context, h control.Host, a control.App, _ func(string)) (string, error) {
			return h.Sleep(ctx, a)
		},
	},
	{
		name: "restart", short: "Replace the container that runs", all: true,
		long: "Ends the container and wakes it again. One that is asleep stays so: its next\nstart is a new one, with the files as systemd has read them.",
		do: func(ctx context.Context, h control.Host, a control.App, tell func(string)) (string, error) {
			return h.Restart(ctx, a, tell)
		},
	},
}

func wake(ctx context.Context, h control.Host, a control.App, tell func(string)) (string, error) {
	return h.Wake(ctx, a, tell)
}

func verbCommands() (all []*cobra.Command) {
	for _, v := range verbs {
		all = append(all, v.command())
	}
	return all
}

func (v verb) command() *cobra.Command {
	var f appFlags
	c := &cobra.Command{
		Use:     v.name + " NAME...",
		Short:   v.short,
		Long:    v.long,
		Example: fmt.Sprintf("  podman-ondemand %s web\n  podman-ondemand %s 'web*'", v.name, v.name),
		GroupID: groupApps,
		Args:    f.names,
		RunE:    func(c *cobra.Command, args []string) error { return v.run(c, &f, args) },
	}
	c.ValidArgsFunction = f.complete
	if v.all {
		f.addAll(c)
	}
	f.add(c)
	return c
}

// run does it to one after the other; what fails with one does not keep it from the others.
func (v verb) run(c *cobra.Command, f *appFlags, args []string) error {
	ctx, cancel := interruptible()
	defer cancel()
	s, apps, err := f.chosen(ctx, args)
	if err != nil {
		return err
	}
	var failures []error
	p := progress{c.ErrOrStderr(), time.Second}
	for _, a := range apps {
		var said string
		var err error
		p.during(a.Name+": "+v.name, func(tell func(string)) {
			said, err = v.do(ctx, s.Host, a, tell)
		})
		switch {
		case ctx.Err() != nil:
			return errors.New("interrupted")
		case err != nil:
			failures = append(failures, err)
		default:
			fmt.Fprintln(c.OutOrStdout(), said)
		}
	}
	return errors.Join(failures...)
}
