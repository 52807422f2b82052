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

// record is what a mark says: what became of the application when an instance was last started for it.
type record struct {
	hash   string // of that instance; "" where there was none yet
	state  string // one of the words below
	reason string // of a failure, so that it is logged once
}

const (
	wanted   = "wanted"   // something pulled the socket in then
	unwanted = "unwanted" // nothing did
	failed   = "failed"   // the socket could not be started
)

// mark is the file that holds the record of the application.
type mark struct {
	dir, name string
}

func (m mark) path() string { return filepath.Join(m.dir, m.name) }
func (m mark) gate() string { return filepath.Join(m.dir, "."+m.name+".lock") }

// read gives an empty record where nothing was applied yet.
func (m mark) read() (record, error) {
	text, err := os.ReadFile(m.path())
	if errors.Is(err, os.ErrNotExist) {
		return record{}, nil
	}
	hash, rest, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	state, reason, _ := strings.Cut(rest, " ")
	return record{hash, state, reason}, err
}

// write replaces the mark at once: a reader sees the old one or the new one.
func (m mark) write(r record) error {
	temporary := filepath.Join(m.dir, "."+m.name+".new")
	line := strings.TrimSpace(r.hash+" "+r.state+" "+r.reason) + "\n"
	if err := os.WriteFile(temporary, []byte(line), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, m.path())
}

// remove leaves nothing of an application that has gone. The caller has the lock.
func (m mark) remove() error {
	var errs []error
	for _, path := range []string{m.path(), m.gate()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// lock keeps every other instance of the same application out until unlock is called: after a change systemd stops the old
// instance and starts the new one at the same time.
func (m mark) lock(ctx context.Context, retry time.Duration) (unlock func(), err error) {
	for {
		file, err := m.tryLock()
		if err != nil {
			return nil, err
		}
		if file != nil {
			return func() { file.Close() }, nil
		}
		if sleep(ctx, retry) != nil {
			return nil, fmt.Errorf("another instance still holds %s: %w", m.gate(), ctx.Err())
		}
	}
}

// tryLock gives the locked file, or nil where somebody else has it.
func (m mark) tryLock() (*os.File, error) {
	file, err := os.OpenFile(m.gate(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil && m.isGate(file) {
		return file, nil
	}
	file.Close()
	if err == nil || err == unix.EWOULDBLOCK || err == unix.EINTR {
		return nil, nil
	}
	return nil, fmt.Errorf("lock %s: %w", m.gate(), err)
}

// isGate says whether that open file is still the one which everybody locks: the last holder may have removed it.
func (m mark) isGate(file *os.File) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(m.gate())
	return err == nil && os.SameFile(opened, now)
}

// sleep waits, unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
