package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The fence (fence.go) keeps the serving stage from its service manager and from the journal's own socket, since who reaches those can start
// programs. What it has to ask and to tell there all the same, this process does for it: a second one of ours, outside the fence, that knows
// four questions and no more. It is started before the fence closes, sleeps in a read, and ends when the serving stage does.

// askName is the name that ps(1) shows of it.
const askName = "podman-ondemand-ask"

// What is asked. The first has no answer.
const (
	askStart  = "start"  // the figures of the start are to be told to the journal
	askWanted = "wanted" // does another unit want us?
	askCheck  = "check"  // does IdleCheck= want it to stay awake?
	askSleep  = "sleep"  // will systemd stop us?
)

// question is one message to the second process, response that back. Number tells late answers apart.
type question struct {
	Number int
	What   string
	Times  startTimes
}

type response struct {
	Number    int
	By, Error string
}

// longestMessage is more than either of them can be.
const longestMessage = 64 << 10

// asker is the serving stage's end. One question is asked at a time.
type asker struct {
	conn net.Conn
	gone chan struct{} // closed when the process has ended

	one    sync.Mutex
	number int
}

// startAsker starts the second process with our own command line.
func startAsker(args []string) (*asker, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "asker"), os.NewFile(uintptr(ends[1]), "asked")
	defer ours.Close()
	defer theirs.Close()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, append([]string{"proxy", "--answer"}, args...)...)
	cmd.Args[0] = askName
	cmd.ExtraFiles, cmd.Stderr = []*os.File{theirs}, os.Stderr
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		conn.Close()
		return nil, err
	}
	a := &asker{conn: conn, gone: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(a.gone)
	}()
	return a, nil
}

// end lets the second process go, and waits for that: systemd would find it left over in our unit.
func (a *asker) end() {
	a.conn.Close()
	select {
	case <-a.gone:
	case <-time.After(time.Second):
	}
}

// tellStart has the start told to the journal. Nobody waits for that.
func (a *asker) tellStart(t startTimes) {
	a.one.Lock()
	defer a.one.Unlock()
	_ = a.send(question{What: askStart, Times: t})
}

func (a *asker) wanted(ctx context.Context) (string, error) { return a.ask(ctx, askWanted) }
func (a *asker) check(ctx context.Context) (string, error)  { return a.ask(ctx, askCheck) }
func (a *asker) sleep(ctx context.Context) (string, error)  { return a.ask(ctx, askSleep) }

// ask puts a question and waits for its answer, until ctx is done.
func (a *asker) ask(ctx context.Context, what string) (by string, err error) {
	a.one.Lock()
	defer a.one.Unlock()
	defer context.AfterFunc(ctx, func() { a.conn.SetReadDeadline(time.Unix(1, 0)) })()
	a.conn.SetReadDeadline(time.Time{})
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	a.number++
	if err := a.send(question{Number: a.number, What: what}); err != nil {
		return "", err
	}
	buf := make([]byte, longestMessage)
	for {
		n, err := a.conn.Read(buf)
		if err != nil {
			return "", fmt.Errorf("the process outside does not answer: %w", err)
		}
		var got response
		if err := json.Unmarshal(buf[:n], &got); err != nil {
			return "", err
		}
		switch {
		case got.Number != a.number: // late
		case got.Error != "":
			return got.By, errors.New(got.Error)
		default:
			return got.By, nil
		}
	}
}

func (a *asker) send(q question) error {
	text, err := json.Marshal(q)
	if err == nil {
		_, err = a.conn.Write(text)
	}
	return err
}

// answerQuestions is the second process: it answers until the serving stage is gone. systemd's SIGTERM is for that one, which may still have
// something to ask.
func (c *config) answerQuestions() int {
	signal.Ignore(unix.SIGTERM, unix.SIGINT)
	done := endIfStuck(stuckAfter, killedAfter)
	_ = dropCapabilities(0) // systemd looks at the user alone
	done()
	file := os.NewFile(firstListenFD, "asker")
	conn, err := net.FileConn(file)
	if err != nil {
		return 2
	}
	file.Close()
	var last sync.WaitGroup
	buf := make([]byte, longestMessage)
	for {
		n, err := conn.Read(buf)
		if err != nil || n == 0 {
			last.Wait()
			return 0
		}
		var q question
		if json.Unmarshal(buf[:n], &q) != nil {
			continue
		}
		last.Add(1)
		go func() {
			defer last.Done()
			if q.What == askStart {
				c.tellStart(q.Times)
				return
			}
			text, _ := json.Marshal(c.answerTo(q))
			conn.Write(text)
		}()
	}
}

// answerTo asks systemd what the serving stage wants to know.
func (c *config) answerTo(q question) response {
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	by, err := "", errors.New("no such question")
	switch q.What {
	case askWanted:
		by, err = c.askWantedBy(ctx)
	case askCheck:
		by, err = c.askIdleCheck(ctx)
	case askSleep:
		by, err = c.askSleep(ctx)
	}
	a := response{Number: q.Number, By: by}
	if err != nil {
		a.Error = err.Error()
	}
	return a
}
