package main

import (
	"log"
	"net"
	"os"
)

// ready says READY=1 to who has started this container, as sd_notify(3) does.
func ready() {
	socket, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err == nil {
		_, err = socket.Write([]byte("READY=1\n"))
	}
	if err != nil {
		log.Fatalf("cannot say READY=1: %v", err)
	}
}

// healthFile is there once the application is healthy. The image has no directory of its own.
const healthFile = "/run/healthy"

func beHealthy() {
	if err := os.WriteFile(healthFile, nil, 0o644); err != nil {
		log.Print(err)
	}
}

// check is the exit status of a health check.
func check() int {
	if _, err := os.Stat(healthFile); err != nil {
		return 1
	}
	return 0
}
