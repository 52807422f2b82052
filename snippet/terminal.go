package snippet

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"podman-ondemand/parser"
)

// largest is what is read of a file, in bytes: more is no unit file.
const largest = 1 << 20

// Show prints messages: to a terminal as a Printer does, with colours unless NO_COLOR is set (https://no-color.org) or the
// terminal is dumb; to anything else one a line.
func Show(w io.Writer, ds parser.Diags) {
	if p, ok := terminal(w); ok {
		p.Print(w, ds)
		return
	}
	_, _ = io.WriteString(w, ds.String())
}

// terminal makes the printer of a terminal; not ok says that w is none.
func terminal(w io.Writer) (p Printer, ok bool) {
	f, ok := w.(*os.File)
	if !ok {
		return p, false
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return p, false
	}
	p = Printer{Read: read, Width: int(size.Col), Color: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	if p.Width == 0 { // a terminal that does not know
		p.Width = 80
	}
	return p, true
}

// read gives the text of a regular file of a sensible size.
func read(name string) []byte {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(f, largest))
	return text
}
