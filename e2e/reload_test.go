//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestFilesByReloadAlone: add, change, remove and add again, each with nothing but a daemon-reload.
func TestFilesByReloadAlone(t *testing.T) {
	a := newApp(t)
	second := strings.Replace(plain, "PORT", "PORT2", 1)
	for _, step := range []struct {
		name         string
		text         string // "": the file is removed
		first, other bool   // which of the two ports listens afterwards
	}{
		{"add", plain, true, false},
		{"change", second, false, true},
		{"remove", "", false, false},
		{"add again", second, false, true},
		{"change back", plain, true, false},
		{"remove again", "", false, false},
	} {
		if step.text == "" {
			a.remove()
		} else {
			a.write(step.text)
		}
		begin := time.Now()
		host.reload(t)
		eventually(t, 10*time.Second, step.name, func() bool {
			return listens(t, a.port) == step.first && listens(t, a.port+1) == step.other
		})
		record(t, "reload: "+step.name, "<= 2 s", ms(time.Since(begin)))
		if step.first {
			a.mustGet("/")
		}
		if step.other {
			must(t, request("tcp", fmt.Sprintf("127.0.0.1:%d", a.port+1), "/"))
		}
	}
}

// TestReloadKeepsConnections: what did not change is left alone, also while it is awake.
func TestReloadKeepsConnections(t *testing.T) {
	t.Parallel()
	a := start(t, strings.Replace(plain, "500ms", "1min", 1))
	c := a.idleConnection()
	before := a.mustGet("/").instance()
	for range 3 {
		host.reload(t)
	}
	time.Sleep(500 * time.Millisecond)
	if after := a.mustGet("/").instance(); after != before {
		t.Error("a reload restarted the container")
	}
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := c.Read(make([]byte, 4096)); err != nil {
		t.Error("a reload cut an open connection: ", err)
	}
}

func TestStoppedByHandStaysStopped(t *testing.T) {
	t.Parallel()
	a := start(t, plain)
	host.systemctl(t, "stop", a.socket())
	a.mustNotListen(a.port)
	for range 3 {
		host.reload(t)
		time.Sleep(300 * time.Millisecond)
	}
	record(t, "a socket stopped by hand, after 3 reloads", "inactive", a.state(a.socket()))
	if listens(t, a.port) {
		t.Error("a reload started it again")
	}
}

// TestBadFileBesideAGoodOne: the names put the bad one before and after the good one in every order that a directory may have.
func TestBadFileBesideAGoodOne(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, name := range []string{"0-bad-", "zz-bad-"} {
		file := unitDir + name + a.name + ".ondemand"
		host.write(t, file, "[Container\nImage=x\n")
		t.Cleanup(func() { os.Remove(host.home(file)) })
	}
	a.write(plain)
	host.reload(t)
	a.mustListen(a.port)
	a.mustGet("/")
	want := "0-bad-" + a.name + ".ondemand:1:"
	eventually(t, 5*time.Second, want+" in the journal", func() bool {
		return strings.Contains(host.journal(t, a.mark, "-o", "cat"), want)
	})
	record(t, "bad file beside a good one", "file:line in the journal", "it is")
}

// TestTypoKeepsThePort: a file that is broken by an edit refuses connections and says why, and is all right again when it is
// mended. What is awake stays awake.
func TestTypoKeepsThePort(t *testing.T) {
	t.Parallel()
	a := start(t, plain)
	open := a.idleConnection()
	before := a.mustGet("/").instance()
	a.write(strings.Replace(plain, "[OnDemand]", "ReadOnly=ture\n[OnDemand]", 1))
	host.reload(t)
	if a.mustGet("/").instance() != before {
		t.Error("the typo restarted the container")
	}
	open.Close()
	a.mustSleep(10 * time.Second)
	refused := a.get("/")
	if refused.err == nil {
		t.Error("a broken file answers")
	}
	want := a.name + ".ondemand:5:10: error: ReadOnly=: not a boolean"
	eventually(t, 5*time.Second, "the status says: "+want, func() bool {
		status, _ := host.try("systemctl", "--user", "status", "--no-pager", "-l", a.container())
		return strings.Contains(status, want)
	})
	a.write(plain)
	host.reload(t)
	mended := eventually(t, 3*time.Second, "answered again", func() bool { return a.get("/").err == nil })
	record(t, "a typo, and its end", "refused, answered", ms(refused.took)+", "+ms(mended))
}
