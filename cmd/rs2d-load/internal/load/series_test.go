package load

import (
	"math"
	"testing"
	"time"
)

// TestRateOfParts: a time shorter than a span has its part of what happened in the span, and one over
// several has all of those between.
func TestRateOfParts(t *testing.T) {
	s := &series{width: time.Second}
	for second, count := range []int{10, 20, 0, 40} {
		for range count {
			s.add(time.Duration(second)*time.Second, time.Millisecond, 1, false)
		}
		s.add(time.Duration(second)*time.Second, time.Millisecond, 1, true) // failed: it does not count
	}
	for _, c := range []struct {
		name     string
		from, to time.Duration
		want     float64
	}{
		{"one span", time.Second, 2 * time.Second, 20},
		{"a part of one", 1200 * time.Millisecond, 1300 * time.Millisecond, 20},
		{"parts of two", 500 * time.Millisecond, 1500 * time.Millisecond, 15},
		{"all", 0, 4 * time.Second, 70.0 / 4},
		{"from before the start", -time.Second, time.Second, 10},
		{"past the end", 3 * time.Second, 5 * time.Second, 20},
		{"behind the end", 5 * time.Second, 6 * time.Second, 0},
		{"no time", time.Second, time.Second, 0},
		{"backwards", 2 * time.Second, time.Second, 0},
	} {
		if got := s.rate(c.from, c.to); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %g a second, want %g", c.name, got, c.want)
		}
	}
}
