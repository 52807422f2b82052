package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"podman-ondemand/generator"
	"podman-ondemand/install"
	"podman-ondemand/manager"
	"podman-ondemand/parser"
	"podman-ondemand/verify"
)

// commandTimeout bounds one command that is run.
const commandTimeout = 30 * time.Second

// thisHost is the machine; close is called when all is done.
func thisHost(ctx context.Context, scope manager.Scope, version string) (h *Host, done func(), err error) {
	h = &Host{
		Scope: scope, Root: "/", UID: os.Getuid(), User: fmt.Sprint(os.Getuid()), Version: version, Podman: "/usr/bin/podman",
		Run: run, LookPath: lookPath, Label: label,
		Files: generator.Read(scope), FirstPort: verify.FirstPort(),
	}
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	if p := os.Getenv("PODMAN"); p != "" {
		h.Podman = p
	}
	if h.Installed, err = install.Look(scope); err != nil {
		return nil, nil, err
	}
	if h.Program, err = os.Executable(); err != nil {
		return nil, nil, err
	}
	done = func() {}
	conn, err := manager.Connect(ctx, scope, verify.RuntimeDir())
	if h.SystemdErr = err; err == nil {
		h.Systemd, done = conn, conn.Close
	}
	h.Verify = func(ctx context.Context, r generator.Result) parser.Diags {
		return verify.ThisHost(ctx, scope, h.Systemd, nil).Check(ctx, r)
	}
	return h, done, nil
}

func run(ctx context.Context, command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if text := strings.TrimSpace(said.String()); err != nil && text != "" {
		err = errors.New(text[strings.LastIndexByte(text, '\n')+1:])
	}
	return string(out), err
}

// lookPath looks where the units' PATH leads, too.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return exec.LookPath("/usr/bin/" + name)
	}
	return path, nil
}

func label(path string) (string, error) {
	buffer := make([]byte, 256)
	n, err := unix.Getxattr(path, "security.selinux", buffer)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(buffer[:n]), "\x00"), nil
}
