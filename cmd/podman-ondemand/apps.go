package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"podman-ondemand/control"
	"podman-ondemand/generator"
	"podman-ondemand/manager"
)

// appCommands are those about applications, in the order of the help.
func appCommands() []*cobra.Command {
	return append([]*cobra.Command{listCommand(), statusCommand(), logsCommand(), catCommand()}, verbCommands()...)
}

// appFlags choose applications of one service manager.
type appFlags struct {
	scopeFlags
	everyone bool // --all, where the command has it
}

func (f *appFlags) addAll(c *cobra.Command) {
	c.Flags().BoolVarP(&f.everyone, "all", "a", false, "all applications")
}

// names checks that the command is given names, or --all in their place.
func (f *appFlags) names(c *cobra.Command, args []string) error {
	switch {
	case f.everyone && len(args) > 0:
		return errors.New("--all and the name of an application are two things")
	case !f.everyone && len(args) == 0 && c.Flags().Lookup("all") != nil:
		return errors.New("name an application, or say --all")
	case !f.everyone && len(args) == 0:
		return errors.New("name an application")
	}
	return nil
}

// session is what a command about applications works with.
type session struct {
	control.Host
	files []control.App // what the files say, templates too
	apps  []control.App // with the instances that systemd knows in the place of templates
}

// open reads the files and reaches the manager. The session ends with ctx.
func (f *appFlags) open(ctx context.Context) (*session, error) {
	scope := f.scope()
	m, err := manager.Connect(ctx, scope, runtimeDir())
	if err != nil {
		return nil, fmt.Errorf("%w\nSee podman-ondemand doctor", err)
	}
	s := &session{Host: control.Host{Scope: scope, Manager: m, Journal: control.ReadJournal(scope)}}
	return s, s.read(ctx)
}

// chosen opens a session and finds in it what the arguments mean.
func (f *appFlags) chosen(ctx context.Context, args []string) (*session, []control.App, error) {
	s, err := f.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	apps, err := s.choose(args)
	return s, apps, err
}

// read reads the files, again as well.
func (s *session) read(ctx context.Context) (err error) {
	s.files = control.Apps(generator.Read(s.Scope))
	s.apps, err = s.Instances(ctx, s.files)
	return err
}

// choose finds what the arguments mean; none means all.
func (s *session) choose(args []string) ([]control.App, error) {
	if len(args) == 0 {
		return s.apps, nil
	}
	all := slices.Clone(s.apps)
	for _, a := range s.files { // a template, for an instance that nobody has asked for yet
		if a.Template() && !slices.ContainsFunc(all, func(b control.App) bool { return b.Name == a.Name }) {
			all = append(all, a)
		}
	}
	return control.Select(all, args, generator.SearchDirs(s.Scope))
}

// runtimeDir is where a user's manager has its sockets, also for who became that user without logging in.
func runtimeDir() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return dir
	}
	return "/run/user/" + strconv.Itoa(os.Getuid())
}

// interruptible ends with Ctrl-C.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
}

// completion is how long the shell waits for names at most.
const completion = 2 * time.Second

// complete offers names of applications, with their states.
func (f *appFlags) complete(_ *cobra.Command, given []string, word string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(context.Background(), completion)
	defer cancel()
	s, err := f.open(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, a := range s.apps {
		if slices.Contains(given, a.Name) || !strings.HasPrefix(a.Name, word) {
			continue
		}
		description := a.Source
		if now, err := s.Look(ctx, a); err == nil {
			description = string(now.State)
			if len(now.Listen) > 0 {
				description += ", " + now.Listen[0]
			}
		}
		names = append(names, fmt.Sprintf("%s\t%s", a.Name, description))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
