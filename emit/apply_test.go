package emit

import "testing"

// TestInstanceHash: the first half is the socket's, the second that of what pulls it in.
func TestInstanceHash(t *testing.T) {
	app := Application{Name: "web", Listeners: []Listener{{Address: "8080", Target: "80"}}}
	wanted, moved := app, app
	wanted.Install = []Install{{"wants", "sockets.target"}}
	moved.Listeners = []Listener{{Address: "8081", Target: "80"}}
	a, b, c := instanceHash(app), instanceHash(wanted), instanceHash(moved)
	if len(a) != 16 || a[:8] != b[:8] || a[8:] == b[8:] || a[:8] == c[:8] || a[8:] != c[8:] {
		t.Error(a, b, c)
	}
}
