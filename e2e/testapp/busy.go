package main

import (
	"fmt"
	"os"
	"time"
)

// busyFile says until when the application is busy, and what its idle check then exits with.
const busyFile = "/run/busy"

// beBusy is busy for d from now.
func beBusy(d time.Duration, code int) answer {
	err := os.WriteFile(busyFile, fmt.Appendf(nil, "%d %d\n", time.Now().Add(d).UnixNano(), code), 0o644)
	if err != nil {
		return answer{500, []byte(err.Error())}
	}
	return text("busy\n")
}

// busy is the exit status of an idle check.
func busy() int {
	data, err := os.ReadFile(busyFile)
	if err != nil {
		return 0
	}
	var until int64
	var code int
	if _, err := fmt.Sscan(string(data), &until, &code); err != nil {
		fmt.Println(err)
		return 1
	}
	if left := time.Until(time.Unix(0, until)); left > 0 {
		fmt.Println("busy for", left)
		return code
	}
	return 0
}
