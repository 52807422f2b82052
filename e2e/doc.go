// Package e2e holds the tests with a real systemd and a real rootless podman: go test -tags e2e, inside the network namespace of a test
// host that e2e/lab made. "make e2e" does all of that.
package e2e
