package peer

import (
	"testing"
	"time"
)

func TestTimeout(t *testing.T) {
	const ms = time.Millisecond
	expect := func(what string, p *latencyEstimator, bytes int, least, most time.Duration) {
		t.Helper()
		if got := p.timeout(200*ms, bytes); got < least || got > most {
			t.Errorf("%s: %v, not from %v to %v", what, got, least, most)
		}
	}
	var p latencyEstimator
	expect("at first", &p, 0, 200*ms, 200*ms)
	expect("at first, for 4 MiB", &p, 4<<20, 1000*ms, 1000*ms)
	for range 100 {
		p.observe(50*ms, 0)
		p.observe(100*ms, 1<<20)
	}
	expect("for nodes that are equal", &p, 0, 50*ms, 60*ms)
	expect("for nodes that are equal, for 1 MiB", &p, 1<<20, 100*ms, 120*ms)
	p.observe(time.Hour, 0)
	expect("after one that hung", &p, 0, 60*ms, 200*ms)
	for range 50 {
		p.observe(300*ms, 0)
	}
	expect("when all are slow", &p, 0, 300*ms, 700*ms)
	for range 100 {
		p.observe(time.Hour, 0)
	}
	expect("at most", &p, 0, 1600*ms, 1600*ms)
	for range 200 {
		p.observe(time.Microsecond, 0)
	}
	expect("at least", &p, 0, 50*ms, 50*ms)
}
