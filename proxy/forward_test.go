package proxy

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestBulkDataBothWays compares hashes, for each combination of sockets, with bulk in both directions at once.
func TestBulkDataBothWays(t *testing.T) {
	data := make([]byte, 24<<20)
	rand.New(rand.NewSource(1)).Read(data)
	want := sha256.Sum256(data)
	for _, front := range []string{"tcp", "unix"} {
		for _, back := range []string{"tcp", "unix"} {
			t.Run(front+" to "+back, func(t *testing.T) {
				where := ""
				if back == "unix" {
					where = filepath.Join(t.TempDir(), "app")
				}
				got := make(chan [32]byte, 1)
				where = application(t, where, func(c net.Conn) {
					written := make(chan bool)
					go func() {
						c.Write(data)
						c.(interface{ CloseWrite() error }).CloseWrite()
						close(written)
					}()
					got <- hashOf(c)
					<-written
				})
				r := serveOn(t, testConfig(t, where), openDoor(t, front))
				<-got // the probe's, or this client's: see below
				c := r.dial(0)
				go func() {
					c.Write(data)
					c.(interface{ CloseWrite() error }).CloseWrite()
				}()
				if hashOf(c) != want {
					t.Error("what the client got differs")
				}
				if <-got != want {
					t.Error("what the application got differs")
				}
				if n := inLoop(r, func() int { return r.s.fw.pipes.lent }); n != 0 {
					t.Errorf("%d pipes are still lent", n)
				}
			})
		}
	}
}

// TestBulkIsSpliced has more than bulkAfter buffers wait in the socket when the proxy comes to read: how fast either side is has
// no say in whether the reads are full.
func TestBulkIsSpliced(t *testing.T) {
	data := bytes.Repeat([]byte("x"), (bulkAfter+1)*bufferSize)
	for _, back := range []string{"tcp", "unix"} {
		t.Run("to "+back, func(t *testing.T) {
			where := ""
			if back == "unix" {
				where = filepath.Join(t.TempDir(), "app")
			}
			got := make(chan [32]byte, 2)
			where = application(t, where, func(c net.Conn) { got <- hashOf(c) })
			r := prepare(t, testConfig(t, where), openDoor(t, "unix"))
			c := r.dial(0).(*net.UnixConn)
			c.SetWriteBuffer(2 * len(data))
			if _, err := c.Write(data); err != nil {
				t.Fatalf("the socket does not hold %d bytes: %v", len(data), err)
			}
			c.CloseWrite()
			r.start()
			// The probe's connection is the first client's where that waits already.
			if <-got != sha256.Sum256(data) {
				t.Error("what the application got differs")
			}
			if inLoop(r, func() bool { return r.s.fw.pipes.broken || len(r.s.fw.pipes.spare) == 0 }) {
				t.Error("nothing was spliced")
			}
		})
	}
}

func hashOf(r io.Reader) [32]byte {
	h := sha256.New()
	io.Copy(h, r)
	return [32]byte(h.Sum(nil))
}

// TestManySizes sends messages around the sizes where the code takes another path.
func TestManySizes(t *testing.T) {
	r := serveOn(t, testConfig(t, application(t, "", echo)), openDoor(t, "tcp"))
	c := r.dial(0)
	for _, n := range []int{1, bufferSize - 1, bufferSize, bufferSize + 1, bulkAfter * bufferSize, pipeSize, 3<<20 + 1, 5} {
		out, in := bytes.Repeat([]byte{byte(n)}, n), make([]byte, n)
		go c.Write(out)
		if _, err := io.ReadFull(c, in); err != nil || !bytes.Equal(in, out) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

func TestHalfClose(t *testing.T) {
	for _, front := range []string{"tcp", "unix"} {
		t.Run("client first, "+front, func(t *testing.T) {
			where := application(t, "", func(c net.Conn) {
				got, _ := io.ReadAll(c)
				time.Sleep(50 * time.Millisecond)
				fmt.Fprintf(c, "you sent %d bytes", len(got))
			})
			r := serveOn(t, testConfig(t, where), openDoor(t, front))
			c := r.dial(0)
			c.Write(make([]byte, 1000))
			c.(interface{ CloseWrite() error }).CloseWrite()
			if got, err := io.ReadAll(c); string(got) != "you sent 1000 bytes" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	t.Run("application first", func(t *testing.T) {
		got := make(chan string, 2)
		where := application(t, "", func(c net.Conn) {
			io.WriteString(c, "bye")
			c.(*net.TCPConn).CloseWrite()
			b, _ := io.ReadAll(c)
			got <- string(b)
		})
		r := serveOn(t, testConfig(t, where), openDoor(t, "tcp"))
		<-got // the probe
		c := r.dial(0)
		if b, err := io.ReadAll(c); string(b) != "bye" || err != nil {
			t.Fatalf("got %q, %v", b, err)
		}
		time.Sleep(20 * time.Millisecond)
		io.WriteString(c, "still here")
		c.Close()
		if b := <-got; b != "still here" {
			t.Errorf("the application got %q", b)
		}
	})
}

func TestResetIsPassedOn(t *testing.T) {
	t.Run("from the application", func(t *testing.T) {
		r := serveOn(t, testConfig(t, application(t, "", func(c net.Conn) {
			c.Read(make([]byte, 4))
			c.(*net.TCPConn).SetLinger(0)
		})), openDoor(t, "tcp"))
		c := r.dial(0)
		c.Write([]byte("ping"))
		wantReset(t, c)
	})
	for _, ended := range []bool{false, true} {
		t.Run(fmt.Sprintf("from the client, after its end %v", ended), func(t *testing.T) {
			errs := make(chan error, 2)
			r := serveOn(t, testConfig(t, application(t, "", func(c net.Conn) {
				b := make([]byte, 4)
				if _, err := io.ReadFull(c, b); err != nil {
					return // the probe
				}
				if ended {
					io.ReadAll(c)
					for i := 0; ; i++ { // only by writing can it learn of the reset
						if _, err := c.Write(b); err != nil || i > 1000 {
							errs <- err
							return
						}
						time.Sleep(time.Millisecond)
					}
				}
				_, err := c.Read(b)
				errs <- err
			})), openDoor(t, "tcp"))
			c := r.dial(0)
			c.Write([]byte("ping"))
			if ended {
				c.(*net.TCPConn).CloseWrite()
				c.Read(make([]byte, 1))
			}
			time.Sleep(20 * time.Millisecond)
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
			if err := <-errs; err == nil || err == io.EOF {
				t.Errorf("the application saw %v, want a reset", err)
			}
			eventually(t, "the connection's end", func() bool { return inLoop(r, func() int { return r.s.conns }) == 0 })
		})
	}
}

// TestEarlyAnswer: an application that answers and closes without reading the rest of the request breaks the connection; its
// answer still arrives.
func TestEarlyAnswer(t *testing.T) {
	r := serveOn(t, testConfig(t, application(t, "", func(c net.Conn) {
		c.Read(make([]byte, 1))
		io.WriteString(c, "413 Content Too Large")
	})), openDoor(t, "tcp"))
	for range 50 {
		c := r.dial(0)
		go c.Write(make([]byte, 1<<20))
		got := make([]byte, len("413 Content Too Large"))
		if _, err := io.ReadFull(c, got); err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
		c.Close()
	}
}

// TestApplicationThatNeverReads: the client is held back and nobody else notices.
func TestApplicationThatNeverReads(t *testing.T) {
	t.Parallel()
	done := make(chan bool)
	defer close(done)
	stuck := application(t, "", func(net.Conn) { <-done })
	r := serveOn(t, testConfig(t, stuck, application(t, "", echo)), openDoor(t, "tcp"), openDoor(t, "tcp"))
	c := r.dial(0)
	c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	data := make([]byte, 64<<20)
	n, err := c.Write(data)
	if err == nil {
		t.Fatalf("64 MiB went somewhere")
	}
	t.Logf("%d bytes were taken until the client had to wait", n)
	exchange(t, r.dial(1))
	if kept := inLoop(r, func() int64 { return r.s.fw.in }); kept > 32<<20 {
		t.Errorf("the proxy has read %d bytes", kept)
	}
}

func TestManySmallMessagesAreNotDelayed(t *testing.T) {
	r := serveOn(t, testConfig(t, application(t, "", func(c net.Conn) {
		b := make([]byte, 2)
		for {
			if _, err := io.ReadFull(c, b); err != nil { // a request in two small pieces: Nagle's algorithm holds the second
				return
			}
			c.Write(b[:1])
			c.Write(b[1:])
		}
	})), openDoor(t, "tcp"))
	c := r.dial(0)
	began := time.Now()
	b := make([]byte, 2)
	for range 50 {
		c.Write(b[:1])
		c.Write(b[1:])
		if _, err := io.ReadFull(c, b); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > 1500*time.Millisecond { // 40 ms for each delayed acknowledgement
		t.Errorf("50 round trips took %v", took)
	}
}

func TestUrgentDataDoesNotStopTheStream(t *testing.T) {
	got := make(chan string, 2)
	r := serveOn(t, testConfig(t, application(t, "", func(c net.Conn) {
		b, _ := io.ReadAll(c)
		got <- string(b)
	})), openDoor(t, "tcp"))
	<-got // the probe
	c := r.dial(0).(*net.TCPConn)
	raw, _ := c.SyscallConn()
	raw.Control(func(fd uintptr) {
		unix.Write(int(fd), []byte("before "))
		unix.Sendto(int(fd), []byte("!"), unix.MSG_OOB, nil)
		unix.Write(int(fd), []byte("after"))
	})
	time.Sleep(50 * time.Millisecond)
	c.Close()
	if b := <-got; b != "before after" {
		t.Errorf("got %q", b)
	}
}

func TestAcceptedSocketsHaveNoDelay(t *testing.T) {
	d := openDoor(t, "tcp")
	if err := prepareListener(d.fd); err != nil {
		t.Fatal(err)
	}
	dialAddr(t, d.addr)
	pollIn([]int{d.fd}, 1000)
	fd, err := accept(d.fd)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if on, _ := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY); on == 0 {
		t.Error("TCP_NODELAY was not inherited")
	}
}

func TestIdleConnectionsHoldNoBuffer(t *testing.T) {
	const n = 1000
	r := serveOn(t, testConfig(t, application(t, filepath.Join(t.TempDir(), "app"), silent)), openDoor(t, "unix"))
	conns := make([]net.Conn, n)
	for i := range conns {
		conns[i] = r.dial(0)
		conns[i].Write(make([]byte, 100))
	}
	eventually(t, "all data", func() bool { return inLoop(r, func() int64 { return r.s.fw.in }) == n*100 })
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	inLoop(r, func() bool {
		for _, c := range conns {
			c.Close()
		}
		return true
	})
	eventually(t, "the end of all", func() bool { return inLoop(r, func() int { return r.s.conns }) == 0 })
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := (int64(before.HeapAlloc) - int64(after.HeapAlloc)) / n
	t.Logf("%d bytes of heap for each idle connection, both test peers included", per)
	if per > 4096 {
		t.Errorf("an idle connection holds %d bytes", per)
	}
}
