package client

import (
	"context"
	"errors"
	"testing"
)

func TestLingeringGivesWay(t *testing.T) {
	m := newMemory(10)
	if _, err := m.reserve(t.Context(), 11); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	ended := make(chan int, 3)
	var all []*reservation
	for i := range 3 {
		r, err := m.reserve(t.Context(), 3)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, r); i < 2 {
			r.linger(func() { ended <- i })
		}
	}
	got := make(chan *reservation)
	go func() {
		r, err := m.reserve(t.Context(), 4)
		if err != nil {
			t.Error(err)
		}
		got <- r
	}()
	// All who linger are needed for four bytes, and give them back in their own time.
	for want := range 2 {
		if i := <-ended; i != want {
			t.Errorf("reservation %d ends before %d", i, want)
		}
	}
	all[0].release()
	(<-got).release()
	all[1].release()

	// Who begins to linger while others wait ends at once.
	go func() {
		r, err := m.reserve(t.Context(), 10)
		if err != nil {
			t.Error(err)
		}
		got <- r
	}()
	all[2].linger(func() { ended <- 2 })
	<-ended
	all[2].release()
	(<-got).release()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := m.reserve(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.reserve(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	r.linger(func() { t.Error("made to end for somebody who has gone") })
	r.release()
	var none *reservation
	none.linger(nil)
	none.release()
}
