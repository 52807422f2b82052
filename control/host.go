package control

import (
	"context"
	"slices"
	"strings"

	"podman-ondemand/manager"
)

// Host is one service manager with its journal.
type Host struct {
	Scope   manager.Scope
	Manager manager.Interface
	Journal Journal
}

// All looks at applications, and at the last start of each. The error is about the journal only, without which all the rest
// is known, unless there is no result.
func (h Host) All(ctx context.Context, apps []App) ([]Status, error) {
	all, err := h.look(ctx, apps)
	if err != nil {
		return nil, err
	}
	return all, h.fillStarts(ctx, apps, all)
}

// command is a command line of systemd's about the manager, as a person would type it.
func (h Host) command(words ...string) string {
	if h.Scope == manager.User {
		words = slices.Insert(words, 1, "--user")
	}
	return strings.Join(words, " ")
}
