// Testapp is the application in the containers of the end-to-end tests, the benchmarks and the demo: a small HTTP/1.1 server whose
// behaviour at start and end is chosen by flags. It has its own HTTP instead of net/http's so that a benchmark measures what is in
// front of it.
//
// Paths: / (who answers), /hello (the message), /peer (address of the peer, or what -header has read), /bytes?n=, /sleep?ms=, /status?code=, /hash (POST: SHA-256 of the body),
// /reset (resets the connection), /resets (how many came in), /ask?address=&path= (what another one answers on /, or on a path) and /die?code=. An address
// after -echo gets a plain echo instead, which passes a half-close on.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// options is what the command line says.
type options struct {
	listen, echo, udp addresses
	delay             time.Duration // before it listens
	notify            time.Duration // before it says READY=1, from when it listens; below 0: never
	healthy           time.Duration // before -check finds it healthy, the same
	check             bool          // is the health check, not the application
	busy              bool          // is the idle check
	beBusy            time.Duration // only says so
	never             bool          // never listens
	ignoreTerm        bool
	stopAfter         time.Duration // how long SIGTERM takes to end it
	fork              bool          // leaves everything to another process
	exitAfter         time.Duration // 0: lives on
	exitCode          int           // of -exit-after
	message           string
	header            bool          // each connection begins with a PROXY protocol header
	activated         bool          // serves what systemd passes
	exitIdle          time.Duration // 0: never
}

// addresses is a flag that may be given several times.
type addresses []string

func (a *addresses) String() string { return strings.Join(*a, " ") }

// Set implements flag.Value.
func (a *addresses) Set(s string) error { *a = append(*a, s); return nil }

func parseFlags() options {
	var o options
	flag.Var(&o.listen, "listen", "`address` for HTTP: a port, host:port or the path of a Unix socket (may be repeated; default 80)")
	flag.Var(&o.echo, "echo", "`address` for a plain echo (may be repeated)")
	flag.Var(&o.udp, "udp", "`address` for an echo of datagrams, which answers \"who\" with the address of who sent it (may be repeated)")
	flag.DurationVar(&o.delay, "delay", 0, "wait so long before listening")
	flag.DurationVar(&o.notify, "notify", -1, "say READY=1 (sd_notify(3)) so long after it listens")
	flag.DurationVar(&o.healthy, "healthy", -1, "be healthy only so long after it listens")
	flag.BoolVar(&o.check, "check", false, "be the health check of the application in this container")
	flag.BoolVar(&o.busy, "busy", false, "be the idle check of the application in this container")
	flag.DurationVar(&o.beBusy, "be-busy", 0, "let the application in this container be busy for so long")
	flag.BoolVar(&o.never, "never", false, "never listen")
	flag.BoolVar(&o.ignoreTerm, "ignore-term", false, "ignore SIGTERM")
	flag.DurationVar(&o.stopAfter, "stop-after", 0, "go on for so long after SIGTERM")
	flag.BoolVar(&o.fork, "fork", false, "start another process that does it all, and exit")
	flag.DurationVar(&o.exitAfter, "exit-after", 0, "exit after so long")
	flag.IntVar(&o.exitCode, "exit-code", 1, "the exit status of -exit-after")
	flag.StringVar(&o.message, "message", "hello", "the first line that / answers")
	flag.BoolVar(&o.header, "header", false, "want a PROXY protocol header, of either version, in front of each connection; /peer answers with that")
	flag.BoolVar(&o.activated, "activated", false, "serve the sockets that systemd passes, and listen nowhere")
	flag.DurationVar(&o.exitIdle, "exit-idle", 0, "with -activated: exit when not used for so long")
	flag.Parse()
	if len(o.listen) == 0 && len(o.echo) == 0 {
		o.listen = addresses{"80"}
	}
	return o
}

func main() {
	log.SetFlags(0)
	o := parseFlags()
	if o.check {
		os.Exit(check())
	}
	if o.busy {
		os.Exit(busy())
	}
	if o.beBusy > 0 {
		beBusy(o.beBusy, 1)
		return
	}
	if o.fork {
		leave()
	}
	endAsTold(o)
	time.Sleep(o.delay)
	if !o.never {
		serveAll(o)
	}
	if o.notify >= 0 {
		time.AfterFunc(o.notify, ready)
	}
	if o.healthy >= 0 {
		time.AfterFunc(o.healthy, beHealthy)
	}
	select {}
}

// leave does what a program does that puts itself into the background.
func leave() {
	self, args := "/proc/self/exe", os.Args[1:]
	for i, a := range args {
		if a == "-fork" {
			args = append(args[:i:i], args[i+1:]...)
			break
		}
	}
	if err := exec.Command(self, args...).Start(); err != nil {
		log.Fatal(err)
	}
	os.Exit(0)
}

// endAsTold arranges for the end. The default action of SIGTERM does not exist for process 1 of a container, so dying of it is
// the exit status that a shell would show: 143.
func endAsTold(o options) {
	if o.exitAfter > 0 {
		time.AfterFunc(o.exitAfter, func() { os.Exit(o.exitCode) })
	}
	if o.ignoreTerm {
		signal.Ignore(syscall.SIGTERM)
		return
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-term
		time.Sleep(o.stopAfter)
		os.Exit(128 + int(syscall.SIGTERM))
	}()
}

func serveAll(o options) {
	web := site{message: o.message, instance: fmt.Sprintf("%d-%d", os.Getpid(), time.Now().UnixNano()), started: time.Now(), header: o.header}
	if o.activated {
		log.Fatal(activated(web, o.exitIdle))
	}
	for _, address := range o.listen {
		go serve(listen(address), web.serve)
	}
	for _, address := range o.echo {
		go serve(listen(address), echo)
	}
	for _, address := range o.udp {
		go echoDatagrams(address)
	}
}

// echoDatagrams leaves it to the kernel from which address it answers, as simple programs do.
func echoDatagrams(address string) {
	c, err := net.ListenPacket("udp", ":"+address)
	if err != nil {
		log.Fatal(err)
	}
	b := make([]byte, 1<<16)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			log.Fatal(err)
		}
		if string(b[:n]) == "who" {
			n = copy(b, from.String())
		}
		c.WriteTo(b[:n], from)
	}
}

func listen(address string) net.Listener {
	network := "tcp"
	switch {
	case strings.HasPrefix(address, "/"):
		network = "unix"
		os.Remove(address)
	case !strings.Contains(address, ":"):
		address = ":" + address
	}
	l, err := net.Listen(network, address)
	if err != nil {
		log.Fatal(err)
	}
	return l
}

func serve(l net.Listener, handle func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer c.Close()
			handle(c)
		}()
	}
}
