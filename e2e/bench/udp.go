package main

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// datagramWay is one way to an application that sends datagrams back.
type datagramWay struct{ name, address, file, text string }

var datagramWays = []datagramWay{
	{"udp", "127.0.0.1:18087", "udp.ondemand", "PublishPort=127.0.0.1:18087:7/udp\nExec=-listen 80 -udp 7\n"},
	{"udpport", "127.0.0.1:18088", "udpport.container", "PublishPort=127.0.0.1:18088:7/udp\nExec=-listen 80 -udp 7\n"},
	{"udphost", "127.0.0.1:18089", "udphost.container", "Network=host\nExec=-listen 18090 -udp 18089\n"},
}

const (
	udpClients = 16
	udpWindow  = 16 // datagrams of a client under way
	udpSize    = 200
)

// datagrams is the number of datagrams that come back, through the proxy, through a port that podman publishes, and with nothing in between.
func datagrams(b *bench) ([]row, error) {
	if err := b.startDatagramWays(); err != nil {
		return nil, err
	}
	seen, err := inRounds(b.rounds, datagramWays, func(w datagramWay) (float64, error) {
		if _, _, err := flood(w.address, time.Second); err != nil {
			return 0, err
		}
		rate, lost, err := flood(w.address, time.Duration(b.length)*time.Second)
		if err == nil {
			progress("datagrams, %s: %.0f/s, %d lost", w.name, rate, lost)
		}
		return rate, err
	})
	if err != nil {
		return nil, err
	}
	against := func(other int, what string) row {
		return match(seen[0], seen[other], itself).row("datagrams there and back; "+what, perSecond, wish{})
	}
	return []row{against(1, "published UDP port"), against(2, "the host's network, nothing between")}, nil
}

func (b *bench) startDatagramWays() error {
	for _, w := range datagramWays {
		if err := b.lab.write(".config/containers/systemd/"+w.file, "[Container]\nImage="+image+"\n"+w.text); err != nil {
			return err
		}
	}
	if err := b.lab.systemctl("daemon-reload"); err != nil {
		return err
	}
	if err := b.lab.systemctl("start", "udpport.service", "udphost.service"); err != nil {
		return err
	}
	for _, w := range datagramWays {
		if err := eventually(w.name+" answers", func() bool { return askOnce(w.address) == nil }); err != nil {
			return err
		}
	}
	return nil
}

func askOnce(address string) error {
	c, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 10))
	return err
}

// flood has each client keep its window full for d, and gives the answers a second, and how many did not come.
func flood(address string, d time.Duration) (rate float64, lost int64, err error) {
	var all sync.WaitGroup
	var answers, missing atomic.Int64
	errs := make([]error, udpClients)
	began := time.Now()
	for i := range udpClients {
		all.Add(1)
		go func() {
			defer all.Done()
			a, m, err := floodFrom(address, began.Add(d))
			answers.Add(a)
			missing.Add(m)
			errs[i] = err
		}()
	}
	all.Wait()
	if answers.Load() == 0 {
		return 0, 0, fmt.Errorf("%s: no datagram came back (%v)", address, firstOf(errs...))
	}
	return float64(answers.Load()) / d.Seconds(), missing.Load(), firstOf(errs...)
}

// floodFrom is one client. One that is lost leaves its place in the window when nothing has come for a while.
func floodFrom(address string, end time.Time) (answers, missing int64, err error) {
	c, err := net.Dial("udp", address)
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	text, b := make([]byte, udpSize), make([]byte, 2*udpSize)
	under := int64(0)
	for time.Now().Before(end) {
		for ; under < udpWindow; under++ {
			if _, err := c.Write(text); err != nil {
				return answers, missing, err
			}
		}
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := c.Read(b); err != nil {
			missing += under
			under = 0
			continue
		}
		answers++
		under--
	}
	return answers, missing, nil
}
