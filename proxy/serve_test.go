package proxy

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestHoldsConnectionUntilApplicationListens(t *testing.T) {
	port := freePort(t)
	d := openDoor(t, "tcp")
	r := serveOn(t, testConfig(t, port), d)
	c := r.dial(0)
	go func() {
		time.Sleep(300 * time.Millisecond)
		application(t, "127.0.0.1:"+port, echo)
	}()
	began := time.Now()
	exchange(t, c)
	if took := time.Since(began); took < 300*time.Millisecond || took > 2*time.Second {
		t.Errorf("answered after %v, the application listened after 300ms", took)
	}
	eventually(t, "READY=1", func() bool { return strings.Contains(r.said(), "READY=1") })
	if !strings.Contains(r.said(), "STATUS=Waiting for the application on port "+port) {
		t.Errorf("no status while waiting:\n%s", r.said())
	}
}

func TestApplicationThatNeverListens(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t, freePort(t))
	cfg.startTimeout = 200 * time.Millisecond
	d := openDoor(t, "tcp")
	r := serveOn(t, cfg, d)
	first, second := r.dial(0), r.dial(0)
	wantReset(t, first)
	wantReset(t, second)
	r.exits(1)
	if want := "<4>The application does not answer on port"; !strings.Contains(r.logged(), want) {
		t.Errorf("log does not say %q:\n%s", want, r.logged())
	}
	if strings.Contains(r.said(), "READY=1") {
		t.Error("READY=1 was sent")
	}
	r.dial(0) // the listening socket is as it was: this is the next round's
	if !waiting(d.fd) {
		t.Error("the next connection is not in the queue")
	}
}

func TestReadyWithoutAnyClient(t *testing.T) {
	r := serveOn(t, testConfig(t, application(t, "", echo)), openDoor(t, "tcp"))
	eventually(t, "READY=1", func() bool { return strings.Contains(r.said(), "READY=1") })
}

func TestStartTimeUsedUpByTheContainerCounts(t *testing.T) {
	cfg := testConfig(t, freePort(t))
	cfg.startTimeout, cfg.waited = time.Hour, time.Hour-100*time.Millisecond
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	wantReset(t, r.dial(0))
	r.exits(1)
}

func TestTwoTargetsOfWhichOneNeverListens(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t, freePort(t), application(t, "", echo))
	cfg.startTimeout = 300 * time.Millisecond
	r := serveOn(t, cfg, openDoor(t, "tcp"), openDoor(t, "tcp"))
	dead := r.dial(0)
	exchange(t, r.dial(1))
	wantReset(t, dead)
	exchange(t, r.dial(1))
	dialReset(t, r.addrs[0]) // a later client gets its own round of tries
	r.stillRuns()
}

func TestTargetOnIPv6Only(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 on this machine: ", err)
	}
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	application(t, "[::1]:"+port, echo)
	r := serveOn(t, testConfig(t, port), openDoor(t, "tcp"))
	exchange(t, r.dial(0))
	if last := inLoop(r, func() int { return r.s.cfg.targets[0].last }); last != 1 {
		t.Errorf("address %d is asked first next time, want 1", last)
	}
}

// TestHoldsConnectionWhileAcceptQueueIsFull: an application that listens but does not accept drops our SYN.
func TestHoldsConnectionWhileAcceptQueueIsFull(t *testing.T) {
	t.Parallel()
	fd, _ := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	unix.Listen(fd, 0)
	sa, _ := unix.Getsockname(fd)
	port := fmt.Sprint(sa.(*unix.SockaddrInet4).Port)
	filler, err := net.Dial("tcp", "127.0.0.1:"+port) // fills the queue
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	r := serveOn(t, testConfig(t, port), openDoor(t, "tcp"))
	c := r.dial(0)
	time.Sleep(250 * time.Millisecond)
	go func() {
		for range 2 {
			conn, _, err := unix.Accept(fd)
			if err != nil {
				return
			}
			unix.Write(conn, []byte("hello"))
			unix.Close(conn)
		}
	}()
	if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestConnectionToItselfIsNotAnAnswer(t *testing.T) {
	fd, _ := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	defer unix.Close(fd)
	unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	sa, _ := unix.Getsockname(fd)
	if err := unix.Connect(fd, sa); err != nil {
		t.Skip("this kernel does not connect a socket to itself: ", err)
	}
	target, _ := parseTarget(fmt.Sprint(sa.(*unix.SockaddrInet4).Port))
	if !target.addrs[0].isItself(fd) {
		t.Error("not noticed")
	}
}

func TestQueuesAtTheLimit(t *testing.T) {
	var atApp atomic.Int32
	port := application(t, "", func(c net.Conn) {
		atApp.Add(1)
		echo(c)
	})
	cfg := testConfig(t, port)
	cfg.maxConnections = 2
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	eventually(t, "the probe", func() bool { return atApp.Load() == 1 })
	atApp.Store(0)
	var clients []net.Conn
	for range 5 {
		clients = append(clients, r.dial(0))
	}
	exchange(t, clients[0])
	exchange(t, clients[1])
	time.Sleep(50 * time.Millisecond)
	if n := atApp.Load(); n != 2 {
		t.Fatalf("%d connections at the application, the limit is 2", n)
	}
	for i := range clients[:3] {
		clients[i].Close()
		exchange(t, clients[i+2])
	}
}

func TestLimitFromFileDescriptors(t *testing.T) {
	var r unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &r)
	if got, want := connectionLimit(0, fdsPerConnection, fdsOfPipes), (int(r.Cur-64)-min(256, int(r.Cur-64)/2))/2; got != want {
		t.Errorf("limit %d, want %d", got, want)
	}
	if connectionLimit(7, fdsPerConnection, fdsOfPipes) != 7 {
		t.Error("an explicit limit does not count")
	}
}

func TestBurst(t *testing.T) {
	for _, n := range []int{200, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			port := freePort(t)
			d := openDoor(t, "tcp")
			errs := make(chan error, n)
			for range n {
				go func() {
					c, err := net.Dial("tcp", d.addr.String())
					if err == nil {
						defer c.Close()
						c.SetDeadline(time.Now().Add(patience))
						err = tryExchange(c)
					}
					errs <- err
				}()
			}
			serveOn(t, testConfig(t, port), d)
			time.Sleep(100 * time.Millisecond)
			application(t, "127.0.0.1:"+port, echo)
			for range n {
				if err := <-errs; err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestIdleExit(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t, application(t, "", echo))
	cfg.idleTimeout = 200 * time.Millisecond
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	c := r.dial(0)
	exchange(t, c)
	time.Sleep(400 * time.Millisecond)
	r.stillRuns() // an open connection is not idle, however silent
	c.Close()
	began := time.Now()
	r.exits(0)
	if took := time.Since(began); took < 150*time.Millisecond || took > 2*time.Second {
		t.Errorf("ended %v after the last connection, want 200ms", took)
	}
	if !strings.Contains(r.said(), "STOPPING=1") || !strings.Contains(r.logged(), "Nobody was connected for 200ms") {
		t.Errorf("messages:\n%s\nlog:\n%s", r.said(), r.logged())
	}
}

func TestIdleExitWhenNobodyEverConnects(t *testing.T) {
	cfg := testConfig(t, application(t, "", echo))
	cfg.idleTimeout = 50 * time.Millisecond
	serveOn(t, cfg, openDoor(t, "tcp")).exits(0)
}

func TestShortConnectionRestartsIdleTimer(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t, application(t, "", echo))
	cfg.idleTimeout = 300 * time.Millisecond
	r := serveOn(t, cfg, openDoor(t, "tcp"))
	for range 5 {
		time.Sleep(150 * time.Millisecond)
		c := r.dial(0)
		exchange(t, c)
		c.Close()
	}
	r.stillRuns()
	r.exits(0)
}

// TestIdleExitLosesNobody: a client that comes at the very moment is answered, by this round or by the next.
func TestIdleExitLosesNobody(t *testing.T) {
	t.Parallel()
	idleExitLosesNobody(t, func(cfg config, d door) *run { return serveOn(t, cfg, d) })
}

// idleExitLosesNobody aims 100 clients at the end of the idle timeout and at the 5 ms after it.
func idleExitLosesNobody(t *testing.T, serve func(config, door) *run) {
	const idle = 10 * time.Millisecond
	cfg := testConfig(t, application(t, "", echo))
	cfg.idleTimeout = idle
	d := openDoor(t, "tcp")
	nextRound := 0
	for i := range 100 {
		r := serve(cfg, d)
		eventually(t, "READY=1", func() bool { return strings.Contains(r.said(), "READY=1") })
		time.Sleep(idle/2 + time.Duration(i%50)*100*time.Microsecond)
		c := dialAddr(t, d.addr)
		answered := make(chan error, 1)
		go func() { answered <- tryExchange(c) }()
		select {
		case err := <-answered:
			if err != nil {
				t.Fatalf("round %d: %v", i, err)
			}
		case <-r.done:
			nextRound++
			if !waiting(d.fd) {
				t.Fatalf("round %d: the client is neither served nor in the queue", i)
			}
			r = serve(cfg, d)
			if err := <-answered; err != nil {
				t.Fatalf("round %d: %v", i, err)
			}
		}
		c.Close()
		r.exits(0)
	}
	t.Logf("%d of 100 clients were answered by the next round", nextRound)
}

// containerProcess starts a process that stands for the container's, and opens it.
func containerProcess(t *testing.T) (app *exec.Cmd, pidfd int) {
	app = exec.Command("sleep", "60")
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Process.Kill(); app.Wait() })
	pidfd, err := unix.PidfdOpen(app.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pidfd) })
	return app, pidfd
}

// A container that ends before it has answered would do so again: its clients are let go, not left to start it anew.
func TestContainerEndBeforeItAnswers(t *testing.T) {
	app, pidfd := containerProcess(t)
	d := openDoor(t, "tcp")
	r := prepare(t, testConfig(t, freePort(t)), d)
	if err := r.s.watchContainer(pidfd); err != nil {
		t.Fatal(err)
	}
	r.start()
	client := r.dial(0)
	app.Process.Kill()
	r.exits(1)
	wantReset(t, client)
	if !strings.Contains(r.logged(), "ended before the application answered") {
		t.Errorf("log:\n%s", r.logged())
	}
}

// One that took the connection of the readiness check, and died before it took a client's, has answered nobody either. systemd may
// tell us to stop before we have noticed.
func TestContainerEndBeforeItServes(t *testing.T) {
	for _, told := range []bool{false, true} {
		app, pidfd := containerProcess(t)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		cfg := testConfig(t, l.Addr().String())
		cfg.pidfd = pidfd
		r := prepare(t, cfg, openDoor(t, "tcp"))
		if !told {
			if err := r.s.watchContainer(pidfd); err != nil {
				t.Fatal(err)
			}
		}
		r.start()
		eventually(t, "READY=1", func() bool { return strings.Contains(r.said(), "READY=1") })
		l.Close()
		client := r.dial(0)
		app.Process.Kill()
		app.Wait()
		if told {
			r.s.stop("Asked to stop")
		}
		r.exits(1)
		wantReset(t, client)
	}
}

func TestContainerEnd(t *testing.T) {
	app, pidfd := containerProcess(t)
	d := openDoor(t, "tcp")
	r := prepare(t, testConfig(t, application(t, "", echo)), d)
	if err := r.s.watchContainer(pidfd); err != nil {
		t.Fatal(err)
	}
	r.start()
	exchange(t, r.dial(0))
	began := time.Now()
	app.Process.Kill()
	app.Wait()
	r.exits(0)
	if took := time.Since(began); took > time.Second {
		t.Errorf("noticed after %v", took)
	}
	if !strings.Contains(r.logged(), "<6>The container has ended") {
		t.Errorf("log:\n%s", r.logged())
	}
	r.dial(0)
	if !waiting(d.fd) {
		t.Error("a connection after the end is not in the queue")
	}
}

// TestLastAnswerBeforeContainerEnd: what the application wrote before it ended is passed on.
func TestLastAnswerBeforeContainerEnd(t *testing.T) {
	last := make(chan bool)
	r := serveOn(t, testConfig(t, application(t, "", func(c net.Conn) {
		if _, err := c.Read(make([]byte, 10)); err == nil {
			<-last
			c.Write(make([]byte, 100_000))
		}
	})), openDoor(t, "tcp"))
	c := r.dial(0)
	c.Write([]byte("go"))
	eventually(t, "the request", func() bool { return inLoop(r, func() int64 { return r.s.fw.in }) == 2 })
	inLoop(r, func() bool {
		close(last)
		time.Sleep(50 * time.Millisecond) // the answer is here, but has not been looked at
		r.s.drain = true
		r.s.end(0, prioInfo, "The container has ended")
		return true
	})
	r.exits(0)
	if got, err := io.ReadAll(c); len(got) != 100_000 || err != nil {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestStopEndsAtOnceWithStatusZero(t *testing.T) {
	r := serveOn(t, testConfig(t, application(t, "", echo)), openDoor(t, "tcp"))
	c := r.dial(0)
	exchange(t, c)
	r.s.stop("Asked to stop")
	r.exits(0)
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("the connection is still open")
	}
	if !strings.Contains(r.logged(), "<6>Asked to stop, stopping: 1 connection since start") {
		t.Errorf("log:\n%s", r.logged())
	}
}

// TestShortageOfFileDescriptors: it waits without spinning, says so once, and serves everybody afterwards.
func TestShortageOfFileDescriptors(t *testing.T) {
	const clients = 40
	d := openDoor(t, "tcp")
	port := application(t, "", echo)
	r := prepare(t, testConfig(t, port), d)
	var conns []net.Conn
	for range clients {
		conns = append(conns, r.dial(0))
	}
	var old unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &old)
	restore := func() { unix.Setrlimit(unix.RLIMIT_NOFILE, &old) }
	defer restore()
	top, err := unix.Dup(d.fd)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(top)
	unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(top + 20), Max: old.Max})
	turns := 0
	after := r.s.loop.after
	r.s.loop.after = func() { turns++; after() }
	r.start()
	time.Sleep(time.Second)
	if n := strings.Count(r.logged(), "Cannot take more connections now"); n != 1 {
		t.Errorf("said %d times:\n%s", n, r.logged())
	}
	if n := inLoop(r, func() int { return turns }); n > 100 {
		t.Errorf("%d turns in a second of shortage", n)
	}
	restore()
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := tryExchange(c); err != nil {
				t.Error(err)
			}
			c.Close()
		}()
	}
	wg.Wait()
}
