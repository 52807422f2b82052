//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const plain = `
[Container]
Image=localhost/testapp
PublishPort=PORT:80
[OnDemand]
IdleTimeout=500ms
`

func TestFirstRequestReadyAtOnce(t *testing.T) {
	a := start(t, plain)
	var replies []reply
	for range 7 {
		replies = append(replies, a.mustGet("/"))
		a.mustSleep(10 * time.Second)
	}
	took := median(replies)
	record(t, "first request, application ready at once", "<= 1 s", fmt.Sprintf("%s (median of %d, slowest %s)", ms(took), len(replies), ms(slowest(replies))))
	if took > slack*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestWarmRequest(t *testing.T) {
	a := start(t, strings.Replace(plain, "500ms", "1min", 1))
	first := a.mustGet("/")
	var replies []reply
	for range 50 {
		replies = append(replies, a.mustGet("/"))
	}
	if again := a.mustGet("/").instance(); again != first.instance() {
		t.Errorf("instance %s became %s while it was in use", first.instance(), again)
	}
	record(t, "a request while it is awake", "<= 20 ms", fmt.Sprintf("%.1f ms (median)", float64(median(replies).Microseconds())/1000))
	if median(replies) > slack*20*time.Millisecond {
		t.Errorf("took %v", median(replies))
	}
}

func TestFirstRequestReadyAfter3s(t *testing.T) {
	a := start(t, plain+`[Container]
Exec=-delay 3s
`)
	r := a.mustGet("/")
	late := time.Since(r.started(t))
	record(t, "first request, application ready after 3 s", "then within 250 ms", fmt.Sprintf("%s, %s after it listens", ms(r.took), ms(late)))
	if r.took < 3*time.Second || late > slack*250*time.Millisecond {
		t.Errorf("took %v, %v after the application began to listen", r.took, late)
	}
}

func Test200ConnectionsAtOnce(t *testing.T) {
	a := start(t, strings.Replace(plain, "500ms", "5s", 1))
	a.burst(200)
}

// TestKeepsAwakeWhileConnected: an open connection counts as use even if it says nothing for longer than the idle timeout.
func TestKeepsAwakeWhileConnected(t *testing.T) {
	t.Parallel()
	a := start(t, plain)
	c := a.idleConnection()
	before := a.mustGet("/").instance()
	time.Sleep(2 * time.Second)
	if after := a.mustGet("/").instance(); after != before {
		t.Error("stopped under an open connection")
	}
	c.Close()
	a.mustSleep(10 * time.Second)
}

func TestMaxConnectionsQueues(t *testing.T) {
	t.Parallel()
	a := start(t, plain+"MaxConnections=4\n")
	a.mustGet("/")
	begin := time.Now()
	replies := make(chan reply, 20)
	for range cap(replies) {
		go func() { replies <- a.get("/sleep?ms=200") }()
	}
	var all []reply
	for range cap(replies) {
		all = append(all, <-replies)
	}
	n, errors := answered(all)
	took := time.Since(begin)
	record(t, "20 requests of 200 ms, MaxConnections=4", "20 answers in >= 1 s", fmt.Sprintf("%d answers in %s", n, ms(took)))
	if n != 20 || took < 900*time.Millisecond {
		t.Errorf("%d of 20 answered in %v:%s", n, took, errors)
	}
}
