package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// client is a claim whose client moves bytes at a rate, until it is cut off.
func (r *room) client(t *testing.T, n int64, rate int) (c *claim, cut chan struct{}) {
	t.Helper()
	cut = make(chan struct{}, 100)
	c, err := r.take(t.Context(), n, func() { cut <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		const piece = 16 << 10
		for {
			_, err := c.move(func([]byte) (int, error) {
				wait := 1000 * time.Hour
				if rate > 0 {
					wait = piece * time.Second / time.Duration(rate)
				}
				timer := time.NewTimer(wait)
				defer timer.Stop()
				select {
				case <-timer.C:
					return piece, nil
				case <-cut:
					return 0, context.DeadlineExceeded
				case <-t.Context().Done():
					return 0, t.Context().Err()
				}
			}, nil)
			if err != nil {
				c.give()
				return
			}
		}
	}()
	return c, cut
}

func (r *room) holds(c *claim) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, held := r.held[c]
	return held
}

// TestRoomOfSlowClients fills a room with clients of several rates. While nobody waits all stay; who
// waits gets what the slowest have, those that are not slow stay however many wait, and so does what
// waits for no client.
func TestRoomOfSlowClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(5, 0)
		silent, _ := r.client(t, 1, 0)
		slow, _ := r.client(t, 1, slowRate/2)
		quick, _ := r.client(t, 1, 2*slowRate)
		quicker, _ := r.client(t, 1, 100*slowRate)
		working, err := r.take(t.Context(), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		for name, c := range map[string]*claim{"silent": silent, "slow": slow, "quick": quick, "quicker": quicker, "working": working} {
			if !r.holds(c) {
				t.Errorf("%s is cut off while nobody waits", name)
			}
		}
		for _, want := range []*claim{silent, slow} {
			began := time.Now()
			if _, err := r.take(t.Context(), 1, nil); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if r.holds(want) || time.Since(began) > 2*lookAgain {
				t.Errorf("after %v somebody else is cut off than the slowest", time.Since(began))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := r.take(ctx, 1, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who waits for those that are not slow: %v", err)
		}
		for name, c := range map[string]*claim{"quick": quick, "quicker": quicker, "working": working} {
			if !r.holds(c) {
				t.Errorf("%s is cut off", name)
			}
		}
		synctest.Wait()
		if r.used != 5 || len(r.waiting) != 0 {
			t.Errorf("%d of 5 are held, and %d wait", r.used, len(r.waiting))
		}
	})
}

// TestRoomOfNewcomers: however many silent clients come without end, who waits gets in.
func TestRoomOfNewcomers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, enemies = 8, 100
		r := newRoom(size, 0)
		ctx, end := context.WithCancel(t.Context())
		for range enemies {
			go func() {
				for ctx.Err() == nil {
					c, err := r.take(ctx, 1, nil)
					if err != nil {
						return
					}
					cut := make(chan struct{}, 1)
					r.mu.Lock()
					c.sure, c.cut = false, func() {
						select {
						case cut <- struct{}{}:
						default:
						}
					}
					r.mu.Unlock()
					_, _ = c.move(func([]byte) (int, error) {
						select {
						case <-cut:
						case <-ctx.Done():
						}
						return 0, context.DeadlineExceeded
					}, nil)
					c.give()
				}
			}()
		}
		time.Sleep(10 * time.Second)
		for range 3 {
			began := time.Now()
			c, err := r.take(t.Context(), 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			c.give()
			if took, most := time.Since(began), (enemies/size+2)*(settleTime+2*lookAgain); took > most {
				t.Errorf("in after %v, want %v at most", took, most)
			}
		}
		end()
	})
}

// TestRoomOrder: those who have begun are first, then who came first, and none is forgotten.
func TestRoomOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(10, 3)
		all, err := r.take(t.Context(), 9, nil)
		if err != nil {
			t.Fatal(err)
		}
		begun, err := r.take(t.Context(), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		order := make(chan int64, 3)
		for _, n := range []int64{7, 1000} { // the second one gets all there is
			go func() {
				c, err := r.take(t.Context(), n, nil)
				if err != nil {
					t.Error(err)
					return
				}
				order <- c.n
				time.Sleep(time.Second)
				c.give()
			}()
			synctest.Wait()
		}
		go func() {
			if err := begun.grow(t.Context(), 5); err != nil {
				t.Error(err)
				return
			}
			order <- begun.n
			time.Sleep(time.Second)
			begun.give()
		}()
		synctest.Wait()
		if _, err := r.take(t.Context(), 1, nil); !errors.Is(err, errBusy) || !r.full() {
			t.Errorf("one more than may wait: %v", err)
		}
		all.give()
		all.give() // again, which gives nothing
		for _, want := range []int64{6, 7, 10} {
			if got := <-order; got != want {
				t.Errorf("who has %d is next, want %d", got, want)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if r.used != 0 || r.full() {
			t.Errorf("%d are held at the end", r.used)
		}
	})
}
