package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// readHeader reads a PROXY protocol header: the line of version 1, or version 2 in hexadecimal without its signature.
func readHeader(r *bufio.Reader) (string, error) {
	const v1, v2 = "PROXY ", "\r\n\r\n\x00\r\nQUIT\n"
	begin, err := r.Peek(len(v1))
	switch {
	case err != nil:
		return "", err
	case string(begin) == v1:
		line, err := r.ReadString('\n')
		return strings.TrimSpace(line), err
	}
	fixed := make([]byte, len(v2)+4)
	if _, err := io.ReadFull(r, fixed); err != nil {
		return "", err
	}
	if string(fixed[:len(v2)]) != v2 {
		return "", fmt.Errorf("%q", fixed)
	}
	rest := make([]byte, binary.BigEndian.Uint16(fixed[len(v2)+2:]))
	_, err = io.ReadFull(r, rest)
	return fmt.Sprintf("%x", append(fixed[len(v2):], rest...)), err
}
