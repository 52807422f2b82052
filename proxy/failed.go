package proxy

import "time"

// failedTime is how long the failed mode lasts. Its end lets systemd start the next round at the next connection; much
// shorter, and the socket would reach its trigger limit of 20 in 2s (TriggerLimitIntervalSec= in systemd.socket(5)) and be
// dead for good.
const failedTime = time.Second

// refuse resets every connection that waits or arrives for d, and returns how many that were: somebody who waits for a
// container that does not come shall know at once.
func refuse(fds []int, d time.Duration) (n int) {
	for _, fd := range fds {
		if prepareListener(fd) != nil {
			return 0
		}
	}
	readable := false
	for end := time.Now().Add(d); ; {
		before := n
		for _, fd := range fds {
			n += resetWaiting(fd)
		}
		if readable && n == before {
			time.Sleep(shortagePause) // clients wait and cannot be accepted: no file descriptors
		}
		left := time.Until(end)
		if left <= 0 {
			return n
		}
		readable = pollIn(fds, int(left.Milliseconds())+1)
	}
}
