package proxy

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	// reservedFDs are for listening sockets, epoll, the journal, D-Bus and the like.
	reservedFDs = 64
	// fdsPerConnection: two sockets.
	fdsPerConnection = 2
	// fdsOfPipes are for those connections that move bulk data; without one it is copied.
	fdsOfPipes = 2 * maxPipes
	// fdsOfSocketProxyd: two sockets and two pipes a connection.
	fdsOfSocketProxyd = 6
	// shortageEvery is the shortest time between two log lines about the same shortage.
	shortageEvery = time.Minute
)

// connectionLimit is the number of connections at one time: what was asked for, or what the file descriptors allow
// (LimitNOFILE= in systemd.exec(5)) where each takes fdsEach, and up to half of all may be for something else.
func connectionLimit(asked, fdsEach, fdsElse int) int {
	if asked > 0 {
		return asked
	}
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 1000
	}
	free := int(min(r.Cur, 1<<30) - min(r.Cur, reservedFDs))
	return max(1, (free-min(fdsElse, free/2))/fdsEach)
}

// flowLimit is the number of flows of datagrams at one time. Anybody can make one with a datagram, from an address that is not even theirs; so
// connections, if there are any, keep half of the places, and the application half of the ports for its own outgoing datagrams: each flow
// has one.
func flowLimit(places int, connections bool) int {
	if connections {
		places /= 2
	}
	lowest, highest := outgoingPorts()
	return max(1, min(places, int(highest-lowest)/2))
}

// takePlace reserves one of the places for connections. When there is none no listener looks for clients, who stay in
// the kernel's queue.
func (s *server) takePlace() bool {
	if s.places >= s.limit {
		s.full = true
		s.updateListeners()
		return false
	}
	s.places++
	return true
}

// freePlace gives a place back.
func (s *server) freePlace() {
	s.places--
	if s.full {
		s.full = false
		s.updateListeners()
	}
}

// short says, not for each connection, that file descriptors or memory have run out; what waits is tried again after a pause.
func (s *server) short(err error) {
	if now := s.loop.now(); now-s.told >= shortageEvery {
		s.told = now
		s.log(prioWarning, "Cannot take more connections now (%s), %d are open: further ones wait; LimitNOFILE= or MaxConnections= may have to be changed.",
			errorText(err), s.conns)
	}
}
