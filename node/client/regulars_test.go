package client

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestRegulars: those whose blobs have landed are waited for if they come again at once, and
// only then.
func TestRegulars(t *testing.T) {
	const wait = 10 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		var r regulars
		due := func(what string, want int) {
			t.Helper()
			if r.due != want {
				t.Errorf("%s: %d blobs are due, want %d", what, r.due, want)
			}
		}
		land := func(blobs, soon, late int) {
			r.land(blobs)
			for range soon {
				time.Sleep(time.Millisecond)
				r.come(wait)
			}
			time.Sleep(2 * wait)
			for range late {
				r.come(wait)
			}
		}
		land(4, 1, 8)
		r.land(4)
		due("one of four came again soon", 0)
		land(4, 2, 0)
		r.land(3)
		due("half of four came again soon", 3)
		r.come(wait)
		due("one has come", 2)
		for range 5 {
			r.come(wait)
		}
		due("all have come, and others", 0)
	})
}
