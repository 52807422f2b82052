package emit

import "testing"

// TestInstanceHash: the first half is the socket's, the second that of what pulls it in.
func TestInstanceHash(t *testing.T) {
	app := Application{Name: "web", Listeners: []Listener{{Key: "ListenStream", Address: "8080", Target: "80"}}}
	wanted, moved := app, app
	wanted.Install = []Install{{"wants", "sockets.target"}}
	moved.Listeners = []Listener{{Key: "ListenStream", Address: "8081", Target: "80"}}
	hash := func(app Application) string { return instanceHash(app, app.pairs()[0]) }
	a, b, c := hash(app), hash(wanted), hash(moved)
	if len(a) != 16 || a[:8] != b[:8] || a[8:] == b[8:] || a[:8] == c[:8] || a[8:] != c[8:] {
		t.Error(a, b, c)
	}
}
