package proxy

import (
	"time"

	"podman-ondemand/figures"
)

// failedTime is how long the failed mode lasts. Its end lets systemd start the next round at the next connection; much
// shorter, and the socket would reach its trigger limit of 20 in 2s (TriggerLimitIntervalSec= in systemd.socket(5)) and be
// dead for good.
const failedTime = time.Second

// fail is the failed mode: it says why nothing is served, refuses the connections, and returns code. Started by hand, there
// are none, and nobody who would start us again at once.
func fail(code int, why error, fds []int, log logger) int {
	if len(fds) == 0 {
		log(prioError, "Cannot serve: %v.", why)
		return code
	}
	log(prioError, "Connections are refused: %v.", why)
	send("STATUS=" + figures.Refused(why.Error()))
	n := refuse(fds, failedTime)
	log(prioInfo, "%s refused.", figures.Count(int64(n), "connection"))
	return code
}

// refuse resets every connection that waits or arrives for d, and returns how many that were: somebody who waits for a
// container that does not come shall know at once. Datagrams and what is in a FIFO are thrown away, as systemd would find
// them there again and again. A connection itself (Accept=yes) is left alone, it ends with us.
func refuse(passed []int, d time.Duration) (n int) {
	var fds []int
	empty := map[int]func(int) int{}
	for _, fd := range passed {
		if e := emptier(fd); e != nil && prepareListener(fd) == nil {
			fds, empty[fd] = append(fds, fd), e
		}
	}
	readable := false
	for end := time.Now().Add(d); ; {
		before := n
		for _, fd := range fds {
			n += empty[fd](fd)
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
