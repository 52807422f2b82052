//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSoakBurst: 1000 connections at the same moment to an application that sleeps, from an address that is not kept and one that is.
func TestSoakBurst(t *testing.T) {
	for _, ip := range []string{"", stranger} {
		t.Run("from "+cmp.Or(ip, "loopback"), func(t *testing.T) {
			a := startForStrangers(t, strings.Replace(plain, "500ms", "5s", 1))
			a.ip = ip
			a.burst(1000)
			a.mustSee(cmp.Or(ip, "127.0.0.1"), ip != "")
		})
	}
}

// TestSoakOpenConnections: many connections that say nothing cost memory, but neither the proxy nor the next request.
func TestSoakOpenConnections(t *testing.T) {
	a := start(t, longIdle())
	a.mustGet("/")
	n := min(either(1000, 10_000), machineConnections())
	idle := make([]net.Conn, 0, n)
	defer func() {
		for _, c := range idle {
			c.Close()
		}
	}()
	for range n {
		c, err := net.Dial("tcp", a.address())
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, c)
	}
	r := a.mustGet("/")
	spun := a.spentIn(2 * time.Second)
	record(t, fmt.Sprintf("%d open connections that say nothing", n), "answers, no spin",
		fmt.Sprintf("%s, %s of CPU in 2 s, %d MB at the most", ms(r.took), ms(spun), a.peak()/1000))
	if spun > 200*time.Millisecond {
		t.Errorf("the proxy used %v in 2 s of nothing", spun)
	}
}

// machineConnections is how many connections this machine lets a proxy have: each takes two file descriptors, and some are for other things.
func machineConnections() int {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 1000
	}
	return int(min(r.Max, 1<<20)-500) / 2
}

// TestSoakQueue: far more clients than MaxConnections= wait for their turn.
func TestSoakQueue(t *testing.T) {
	t.Parallel()
	a := start(t, longIdle()+"MaxConnections=100\n")
	a.mustGet("/")
	n := either(2000, 20_000)
	slots := make(chan struct{}, 4000) // the kernel's queue is as long as that
	replies := make([]reply, n)
	var all sync.WaitGroup
	for i := range n {
		all.Add(1)
		slots <- struct{}{}
		go func() {
			defer all.Done()
			replies[i] = a.get("/")
			<-slots
		}()
	}
	all.Wait()
	ok, errors := answered(replies)
	record(t, fmt.Sprintf("%d connections, MaxConnections=100", n), "all answered", fmt.Sprintf("%d answered, slowest %s", ok, ms(slowest(replies))))
	if ok != n {
		t.Errorf("%d of %d answered:%s", ok, n, errors)
	}
}

// TestSoakFileDescriptors: where they run out, further clients wait, and the proxy does not turn in circles.
func TestSoakFileDescriptors(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	name := ".config/systemd/user/" + a.proxy() + ".d/few.conf"
	host.write(t, name, "[Service]\nLimitNOFILE=200\n")
	t.Cleanup(func() { os.RemoveAll(filepath.Dir(host.home(name))) })
	a.write(longIdle())
	host.reload(t)
	a.mustListen(a.port)
	a.mustGet("/")
	var held []net.Conn
	for range 300 {
		c, err := net.Dial("tcp", a.address())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	waiting := make(chan reply)
	go func() { waiting <- a.get("/") }()
	spun := a.spentIn(2 * time.Second)
	for _, c := range held {
		c.Close()
	}
	r := must(t, <-waiting)
	record(t, "LimitNOFILE=200 and 300 connections", "waits, no spin", fmt.Sprintf("answered after %s, %s of CPU in 2 s", ms(r.took), ms(spun)))
	if spun > 200*time.Millisecond {
		t.Errorf("the proxy used %v in 2 s", spun)
	}
}

// endless gives the same pseudo-random bytes for the same seed.
func endless(n int64) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), n) }

// TestSoakBytes: a long stream through one connection comes out as it went in, and the proxy's memory does not grow with it.
func TestSoakBytes(t *testing.T) {
	t.Parallel()
	a := start(t, longIdle())
	a.mustGet("/")
	before := a.peak()
	n := either[int64](256<<20, 4<<30)
	h := sha256.New()
	q, err := http.NewRequestWithContext(context.Background(), http.MethodPost, a.url("/hash"), io.TeeReader(endless(n), h))
	if err != nil {
		t.Fatal(err)
	}
	q.ContentLength = n
	begin := time.Now()
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	got, _ := io.ReadAll(r.Body)
	grown := a.grown(before)
	record(t, fmt.Sprintf("%d MB through one connection", n>>20), "the right hash, flat memory", fmt.Sprintf("%s, proxy + %d kB", ms(time.Since(begin)), grown))
	if want := fmt.Sprintf("%x\n", h.Sum(nil)); string(got) != want {
		t.Errorf("hash %swant %s", got, want)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestSoakSlow: who does not read is waited for, in the kernel and not in the proxy's memory.
func TestSoakSlow(t *testing.T) {
	t.Parallel()
	a := start(t, longIdle())
	a.mustGet("/")
	before := a.peak()
	const n = 200 << 20
	t.Run("client", func(t *testing.T) {
		r, err := http.Get(a.url(fmt.Sprint("/bytes?n=", n)))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		time.Sleep(3 * time.Second)
		got, err := io.Copy(io.Discard, r.Body)
		if got != n || err != nil {
			t.Errorf("%d of %d bytes, %v", got, n, err)
		}
	})
	t.Run("application", func(t *testing.T) {
		body := bytes.Repeat([]byte{'x'}, n)
		r, err := http.Post(a.url("/sleep?ms=3000"), "application/octet-stream", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
	})
	grown := a.grown(before)
	record(t, "a client and an application that do not read for 3 s", "all arrives, flat memory", fmt.Sprintf("proxy + %d kB", grown))
	http.DefaultClient.CloseIdleConnections()
}

// TestSoakReset: a reset is passed on as a reset, both ways.
func TestSoakReset(t *testing.T) {
	t.Parallel()
	a := start(t, longIdle())
	a.mustGet("/")
	for range either(10, 200) {
		if r := a.get("/reset"); r.err == nil || !strings.Contains(r.err.Error(), "reset by peer") {
			t.Fatalf("the application's reset became %v", r.err)
		}
		c := a.idleConnection().(*net.TCPConn)
		c.SetLinger(0)
		c.Close()
	}
	want := fmt.Sprint("resets: ", either(10, 200))
	eventually(t, 5*time.Second, "the application has seen "+want, func() bool { return strings.Contains(a.mustGet("/resets").body, want) })
	record(t, fmt.Sprintf("%d resets each way", either(10, 200)), "resets on the other side", "resets on the other side")
}

// withoutKeyrings lets the user have more than 200 containers at a time: each has a key, of which the kernel gives a user
// that many (kernel.keys.maxkeys; keyrings(7)).
func withoutKeyrings(t *testing.T) {
	const name = ".config/containers/containers.conf.d/keyring.conf"
	host.write(t, name, "[containers]\nkeyring = false\n")
	t.Cleanup(func() { os.Remove(host.home(name)) })
}

// TestSoakManyApplications: all of them asleep, then all woken at the same moment. Each podman run takes about a second of a core.
func TestSoakManyApplications(t *testing.T) {
	n := either(15, 300)
	apps := make([]*app, n)
	a := newApp(t)
	withoutKeyrings(t)
	for i := range apps {
		apps[i] = &app{t: t, name: fmt.Sprintf("%s-%03d", a.name, i), port: 30000 + i, mark: a.mark}
		apps[i].write(strings.Replace(plain, "500ms", "5s\nStartTimeout=15min", 1))
	}
	t.Cleanup(func() {
		for _, b := range apps {
			b.remove()
		}
		host.try("systemctl", "--user", "daemon-reload")
	})
	begin := time.Now()
	host.reload(t)
	first := time.Since(begin)
	for _, b := range apps {
		eventually(t, time.Minute, b.name+" listens", func() bool { return listens(t, b.port) })
	}
	begin = time.Now()
	host.reload(t)
	record(t, fmt.Sprintf("daemon-reload with %d applications", n), "-", fmt.Sprintf("%s, the first %s", ms(time.Since(begin)), ms(first)))
	replies := make([]reply, n)
	var all sync.WaitGroup
	for i, b := range apps {
		all.Add(1)
		go func() {
			defer all.Done()
			replies[i] = requestWithin(15*time.Minute, "tcp", fmt.Sprintf("127.0.0.1:%d", b.port), "/")
		}()
	}
	all.Wait()
	ok, errors := answered(replies)
	record(t, fmt.Sprintf("%d applications woken at once", n), "all answer", fmt.Sprintf("%d answer, the last after %s", ok, ms(slowest(replies))))
	if ok != n {
		t.Errorf("%d of %d answered:%s", ok, n, errors)
	}
	eventually(t, 3*time.Minute, "all asleep", func() bool {
		return strings.TrimSpace(host.run(t, "podman", "ps", "-q", "--filter", "name="+a.name)) == ""
	})
	for _, b := range apps {
		b.remove()
	}
	begin = time.Now()
	host.reload(t)
	for _, b := range apps {
		eventually(t, 2*time.Minute, b.name+" listens no more", func() bool { return !listens(t, b.port) })
	}
	record(t, fmt.Sprintf("%d applications removed by one reload", n), "-", ms(time.Since(begin)))
	host.systemctl(t, "list-units", "--no-legend", a.name+"*") // the manager has time for others
}
