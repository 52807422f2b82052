package proxy

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mostPorts is how many ports a message names at most.
const mostPorts = 8

// refusedText is errorText, and where nothing listens what does in this network namespace: the port in the container is easily
// mistaken for that on the host. Only inside a container's namespace are these ports those of the application.
func (c *config) refusedText(err error) string {
	text := errorText(err)
	if !c.inside || !errors.Is(err, unix.ECONNREFUSED) {
		return text
	}
	var tables strings.Builder
	for _, table := range c.tables {
		_, _ = io.Copy(&tables, io.NewSectionReader(table, 0, math.MaxInt64))
	}
	if tables.Len() == 0 {
		return text
	}
	return text + ", " + elsewhere(listening(tables.String()))
}

// openTables opens the kernel's tables of the TCP sockets of this network namespace, since the fence lets nothing be opened any more.
func (c *config) openTables() {
	for _, name := range [...]string{"tcp", "tcp6"} {
		if table, err := os.Open("/proc/self/net/" + name); err == nil {
			c.tables = append(c.tables, table)
		}
	}
	for _, name := range [...]string{"udp", "udp6"} {
		if table, err := os.Open("/proc/self/net/" + name); err == nil && slices.Contains(c.datagram, true) {
			c.udpTables = append(c.udpTables, table)
		}
	}
}

func elsewhere(ports []int) string {
	if len(ports) == 0 {
		return "nor on any other TCP port"
	}
	words := make([]string, 0, mostPorts+1)
	for i, port := range ports {
		if i == mostPorts {
			words = append(words, "and more")
			break
		}
		words = append(words, strconv.Itoa(port))
	}
	if len(ports) == 1 {
		return "but on port " + words[0]
	}
	return "but on ports " + strings.Join(words, ", ")
}

// listening are the ports with a socket in state LISTEN, in order, of the text of /proc/net/tcp and tcp6 (proc_net(5)): the
// second column is ADDRESS:PORT and the fourth the state, both hexadecimal.
func listening(tables string) (ports []int) {
	const stateListen = "0A"
	for line := range strings.Lines(tables) {
		columns := strings.Fields(line)
		if len(columns) < 4 || columns[3] != stateListen {
			continue
		}
		_, port, _ := strings.Cut(columns[1], ":")
		if b, err := hex.DecodeString(port); err == nil && len(b) == 2 {
			ports = append(ports, int(binary.BigEndian.Uint16(b)))
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}
