package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// markFailed is the mark of a socket that could not be started: no hash equals it, so that every later instance tries again.
const markFailed = "failed"

// mark is the file that holds the hash which was applied last.
type mark struct {
	dir, name string
}

func (m mark) path() string { return filepath.Join(m.dir, m.name) }

// read gives "" where nothing was applied yet.
func (m mark) read() (string, error) {
	text, err := os.ReadFile(m.path())
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// write replaces the mark at once: a reader sees the old one or the new one.
func (m mark) write(hash string) error {
	temporary := filepath.Join(m.dir, "."+m.name+".new")
	if err := os.WriteFile(temporary, []byte(hash+"\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, m.path())
}

// remove forgets the mark, unless it has become another hash's in the meantime.
func (m mark) remove(hash string) error {
	now, err := m.read()
	if err != nil || now != hash && now != markFailed {
		return err
	}
	return os.Remove(m.path())
}

// lock keeps every other instance of the same application out until unlock is called: after a change systemd stops the old
// instance and starts the new one at the same time. The file stays, because removing it would let two in.
func (m mark) lock(ctx context.Context, retry time.Duration) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(m.dir, "."+m.name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if err != unix.EWOULDBLOCK && err != unix.EINTR {
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", file.Name(), err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("another instance still holds %s: %w", file.Name(), ctx.Err())
		case <-time.After(retry):
		}
	}
}
