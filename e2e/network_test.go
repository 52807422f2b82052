//go:build e2e

package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestNetworkNone(t *testing.T) {
	t.Parallel()
	a := start(t, plain+"[Container]\nNetwork=none\n")
	r := a.mustGet("/")
	record(t, "Network=none", "answers", ms(r.took))
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.write(`
[Container]
Image=localhost/testapp
Network=none
[Socket]
ListenStream=%t/NAME.sock
[OnDemand]
ContainerPort=80
IdleTimeout=500ms
`)
	host.reload(t)
	eventually(t, 10*time.Second, "the socket listens", func() bool { return a.state(a.socket()) == "active" })
	r := must(t, request("unix", host.path(t, "/run/user/1000/"+a.name+".sock"), "/"))
	record(t, "a Unix socket", "answers", ms(r.took))
	a.mustSleep(10 * time.Second)
}

// TestTwoPorts: two listening sockets in one file, each with its own port behind it, the second one an echo.
func TestTwoPorts(t *testing.T) {
	t.Parallel()
	a := start(t, plain+`[Container]
PublishPort=PORT2:7
Exec=-listen 80 -echo 7
`)
	sent := bytes.Repeat([]byte("0123456789"), 100_000)
	if got := a.echo(a.port+1, sent); !bytes.Equal(got, sent) {
		t.Errorf("the echo gave %d of %d bytes back", len(got), len(sent))
	}
	a.mustGet("/")
	record(t, "two ports in one file", "both answer", "HTTP, and 1 MB echoed after a half-close")
	a.mustSleep(10 * time.Second)
}

// echo sends everything, closes its half of the connection and reads to the end.
func (a *app) echo(port int, data []byte) []byte {
	a.t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		a.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	go func() {
		c.Write(data)
		c.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil {
		a.t.Error(err)
	}
	return got
}

// TestLargeBody sends 64 MB to a sleeping application: what comes before it listens waits.
func TestLargeBody(t *testing.T) {
	t.Parallel()
	a := start(t, plain)
	body := make([]byte, 64<<20)
	rand.Read(body)
	begin := time.Now()
	r, err := http.Post(a.url("/hash"), "application/octet-stream", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	got, _ := io.ReadAll(r.Body)
	record(t, "64 MB posted to a sleeping application", "the right hash", ms(time.Since(begin)))
	if want := fmt.Sprintf("%x\n", sha256.Sum256(body)); string(got) != want {
		t.Errorf("hash %swant %s", got, want)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestKindsOfContainers: what changes the namespaces or the rights of the container does not keep the proxy out. One after the other:
// UserNS=auto takes ids that no other container has, and UserNS=keep-id has them all.
func TestKindsOfContainers(t *testing.T) {
	for _, kind := range []struct{ name, more string }{
		{"user", "User=1234"},
		{"keep-id", "UserNS=keep-id"},
		{"auto", "UserNS=auto:size=1024"},
		{"nomap", "UserNS=nomap"},
		{"read-only", "ReadOnly=true\nDropCapability=all\nNoNewPrivileges=true"},
	} {
		t.Run(kind.name, func(t *testing.T) {
			a := start(t, strings.Replace(plain, ":80", ":8080", 1)+"[Container]\nExec=-listen 8080\n"+kind.more+"\n")
			a.mustGet("/")
			a.mustSleep(10 * time.Second)
		})
	}
}
