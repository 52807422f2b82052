package apply

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// longestTurn is how long one may keep the others waiting: the start of a socket can wait for other units, the end of a
// container takes its time.
const longestTurn = 5 * time.Second

// takeTurn waits until no other helper is talking to the manager, and gives what ends the turn. The manager tells every
// connection to its private socket of every change of every unit: a hundred at once keep it busy for half a minute,
// three hundred for more than ten. Whoever has had the turn for longestTurn is overtaken, so nobody waits in vain; without
// the file there are no turns.
func takeTurn(dir string, longest time.Duration) (end func()) {
	path := filepath.Join(dir, ".turn")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return func() {}
	}
	mine, fd := make(chan struct{}), int(file.Fd())
	go func() {
		for unix.Flock(fd, unix.LOCK_EX) == unix.EINTR {
		}
		close(mine)
	}()
	look := time.NewTicker(longest / 5)
	defer look.Stop()
	for waiting := true; waiting; {
		select {
		case <-mine:
			waiting = false
		case <-look.C:
			info, err := file.Stat()
			waiting = err == nil && time.Since(info.ModTime()) < longest
		}
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // the turn begins
	return func() { file.Close() }
}
