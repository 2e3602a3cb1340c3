package client

import (
	"testing"
	"time"
)

func TestPatience(t *testing.T) {
	const ms = time.Millisecond
	expect := func(what string, p *pace, bytes int, least, most time.Duration) {
		t.Helper()
		if got := p.patience(200*ms, bytes); got < least || got > most {
			t.Errorf("%s: %v, not from %v to %v", what, got, least, most)
		}
	}
	var p pace
	expect("at first", &p, 0, 200*ms, 200*ms)
	expect("at first, for 4 MiB", &p, 4<<20, 1000*ms, 1000*ms)
	for range 100 {
		p.note(50*ms, 0)
		p.note(100*ms, 1<<20)
	}
	expect("for nodes that are equal", &p, 0, 50*ms, 60*ms)
	expect("for nodes that are equal, for 1 MiB", &p, 1<<20, 100*ms, 120*ms)
	p.note(time.Hour, 0)
	expect("after one that hung", &p, 0, 60*ms, 200*ms)
	for range 50 {
		p.note(300*ms, 0)
	}
	expect("when all are slow", &p, 0, 300*ms, 700*ms)
	for range 100 {
		p.note(time.Hour, 0)
	}
	expect("at most", &p, 0, 1600*ms, 1600*ms)
	for range 200 {
		p.note(time.Microsecond, 0)
	}
	expect("at least", &p, 0, 50*ms, 50*ms)
}
