package apply

import (
	"testing"
	"time"
)

// TestTurn: one at a time, until one takes too long.
func TestTurn(t *testing.T) {
	dir := t.TempDir()
	const longest = 200 * time.Millisecond
	end := takeTurn(dir, longest)
	began := time.Now()
	overtaken := takeTurn(dir, longest)
	if waited := time.Since(began); waited < longest/2 {
		t.Errorf("the second did not wait for the first: %v", waited)
	}
	overtaken()
	end()
	end = takeTurn(dir, time.Hour)
	next := make(chan func())
	go func() { next <- takeTurn(dir, time.Hour) }()
	select {
	case <-next:
		t.Error("two have the turn")
	case <-time.After(50 * time.Millisecond):
	}
	end()
	select {
	case end := <-next:
		end()
	case <-time.After(10 * time.Second):
		t.Error("the turn is not passed on")
	}
	takeTurn("/nonexistent", time.Hour)()
}
