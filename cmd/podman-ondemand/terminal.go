package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// isTerminal says whether a person reads what is written there.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// colored says whether colors are wanted there (https://no-color.org).
func colored(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// progress is one line at a terminal that is written anew each second, and nothing elsewhere.
type progress struct {
	w    io.Writer
	tick time.Duration
}

// during runs do, and shows what it takes so long for: text, until do tells something else. Where nobody watches do is given no
// function to tell it with.
func (p progress) during(text string, do func(tell func(string))) {
	if !isTerminal(p.w) {
		do(nil)
		return
	}
	var current atomic.Value
	current.Store(text)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		p.show(&current, stop)
	}()
	do(func(text string) { current.Store(text) })
	close(stop)
	<-stopped
}

// show writes the line until stop, and takes it away then.
func (p progress) show(current *atomic.Value, stop <-chan struct{}) {
	ticker := time.NewTicker(p.tick)
	defer ticker.Stop()
	for seconds := 1; ; seconds++ {
		select {
		case <-stop:
			if seconds > 1 {
				fmt.Fprint(p.w, "\r\x1b[K")
			}
			return
		case <-ticker.C:
			fmt.Fprintf(p.w, "\r\x1b[K%.68s (%d s)", current.Load(), seconds)
		}
	}
}
