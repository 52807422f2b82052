package proxy

import (
	"io"
	"net"
	"testing"
)

// The benchmarks compare the proxy with the loop that one writes first: a goroutine for each direction around io.Copy. Peers
// and proxy share one process here, so the ratio says more than the figure; `make bench` measures from outside.
//
//	go test -run '^$' -bench . ./proxy

func BenchmarkMessagesProxy(b *testing.B)     { benchMessages(b, proxyInFront) }
func BenchmarkMessagesIOCopy(b *testing.B)    { benchMessages(b, ioCopyInFront) }
func BenchmarkConnectionsProxy(b *testing.B)  { benchConnections(b, proxyInFront) }
func BenchmarkConnectionsIOCopy(b *testing.B) { benchConnections(b, ioCopyInFront) }
func BenchmarkBulkProxy(b *testing.B)         { benchBulk(b, proxyInFront) }
func BenchmarkBulkIOCopy(b *testing.B)        { benchBulk(b, ioCopyInFront) }

// proxyInFront returns the address of a proxy before the application on port.
func proxyInFront(b *testing.B, port string) string {
	app, err := parseTarget(port)
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		b.Fatal(err)
	}
	cfg := config{idleTimeout: infinity, startTimeout: infinity, targets: []*target{app}}
	s, err := newServer(cfg, []int{int(f.Fd())}, func(priority, string, ...any) {}, func(string) {})
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan int)
	go func() { done <- s.run() }()
	b.Cleanup(func() {
		s.stop("over")
		<-done
		f.Close()
		l.Close()
	})
	return l.Addr().String()
}

// ioCopyInFront is the plain loop.
func ioCopyInFront(b *testing.B, port string) string {
	return "127.0.0.1:" + echoPort(b, func(c net.Conn) {
		to, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			return
		}
		defer to.Close()
		go func() {
			io.Copy(to, c)
			to.(*net.TCPConn).CloseWrite()
		}()
		io.Copy(c, to)
		c.(*net.TCPConn).CloseWrite()
	})
}

// echoPort serves connections on a port of its own.
func echoPort(b *testing.B, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// answer is an application with small requests and small answers.
func answer(c net.Conn) {
	b := make([]byte, 4096)
	for {
		if _, err := c.Read(b); err != nil {
			return
		}
		if _, err := c.Write(b[:200]); err != nil {
			return
		}
	}
}

func benchMessages(b *testing.B, front func(*testing.B, string) string) {
	addr := front(b, echoPort(b, answer))
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		buf := make([]byte, 200)
		for pb.Next() {
			c.Write(buf[:100])
			if _, err := io.ReadFull(c, buf); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func benchConnections(b *testing.B, front func(*testing.B, string) string) {
	addr := front(b, echoPort(b, answer))
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		buf := make([]byte, 200)
		for pb.Next() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				b.Error(err)
				return
			}
			c.Write(buf[:100])
			_, err = io.ReadFull(c, buf)
			c.(*net.TCPConn).SetLinger(0) // no port in TIME-WAIT: there are only 28,000
			c.Close()
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func benchBulk(b *testing.B, front func(*testing.B, string) string) {
	chunk := make([]byte, 1<<20)
	addr := front(b, echoPort(b, func(c net.Conn) {
		for {
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
	}))
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.SetBytes(int64(len(chunk)))
	buf := make([]byte, len(chunk))
	for b.Loop() {
		if _, err := io.ReadFull(c, buf); err != nil {
			b.Fatal(err)
		}
	}
}
