package httpd

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func parties() []Party {
	var list []Party
	for class := Stranger; class <= Member; class++ {
		for i := range 4 {
			list = append(list, Party{class, fmt.Sprint(i)})
		}
	}
	return list
}

// TestPool takes and gives back at random: no more is taken than there is, strangers hold
// at most half of it, and whoever holds nothing finds something unless there is nothing.
func TestPool(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 200).Draw(t, "size")
		p := newPool(size)
		held := make(map[Party][]int64)
		var used, strangers int64
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				who := rapid.SampledFrom(parties()).Draw(t, "who")
				n := rapid.Int64Range(1, 20).Draw(t, "n")
				got := p.take(who, n, 0)
				var mine int64
				for _, v := range held[who] {
					mine += v
				}
				share := size - used
				if who.Class == Stranger {
					share = min(share, (size+1)/2-strangers)
				}
				want := mine+n <= share || used == 0 && n <= size
				if got != want {
					t.Fatalf("%v takes %d of %d, %d free: %v, want %v", who, n, size, size-used, got, want)
				}
				if got {
					held[who] = append(held[who], n)
					used += n
					if who.Class == Stranger {
						strangers += n
					}
				}
			},
			"give": func(t *rapid.T) {
				who := rapid.SampledFrom(parties()).Draw(t, "who")
				if len(held[who]) == 0 {
					t.Skip()
				}
				n := held[who][0]
				held[who] = held[who][1:]
				p.give(who, n)
				used -= n
				if who.Class == Stranger {
					strangers -= n
				}
			},
			"": func(t *rapid.T) {
				if got := p.use(); got != used || got > size {
					t.Fatalf("%d of %d in use, want %d", got, size, used)
				}
			},
		})
	})
}

// TestGreedyPartiesLeaveAPart has k parties take one at a time as long as they get any.
func TestGreedyPartiesLeaveAPart(t *testing.T) {
	const size = 256
	for k := 1; k <= 8; k++ {
		p := newPool(size)
		for more := true; more; {
			more = false
			for i := range k {
				more = p.take(Party{Client, fmt.Sprint(i)}, 1, 0) || more
			}
		}
		left := size - p.use()
		if want := int64(size / (k + 1)); left < want {
			t.Errorf("%d greedy parties leave %d of %d, want %d", k, left, size, want)
		}
		if !p.take(Party{Member, "new"}, 1, 0) || !p.take(Party{Client, "new"}, 1, 0) {
			t.Errorf("%d greedy parties leave nothing for others", k)
		}
	}
	p := newPool(size)
	for i := range 10 * size {
		p.take(Party{Stranger, fmt.Sprint(i)}, 1, 0)
	}
	if got := p.use(); got > size/2 {
		t.Errorf("many strangers hold %d of %d, want at most half", got, size)
	}
}

// TestTurnsAreFair has one party wait many times before another comes: that one is next.
func TestTurnsAreFair(t *testing.T) {
	turns := newTurns(1)
	greedy, other := Party{Client, "greedy"}, Party{Member, "other"}
	if err := turns.take(t.Context(), greedy); err != nil {
		t.Fatal(err)
	}
	order := make(chan Party, 100)
	var all sync.WaitGroup
	wait := func(who Party) {
		turns.mu.Lock()
		before := len(turns.waiting)
		turns.mu.Unlock()
		all.Go(func() {
			if err := turns.take(t.Context(), who); err != nil {
				t.Error(err)
			}
			order <- who
			turns.give(who)
		})
		eventually(t, "it waits", func() bool {
			turns.mu.Lock()
			defer turns.mu.Unlock()
			return len(turns.waiting) == before+1
		})
	}
	// Two of the greedy one's turns are running when the next is given out.
	turns.mu.Lock()
	turns.running[greedy]++
	turns.mu.Unlock()
	for range 10 {
		wait(greedy)
	}
	wait(other)
	turns.give(greedy)
	all.Wait()
	if got := <-order; got != other {
		t.Errorf("%v is next, want %v", got, other)
	}
}

func TestTurnsEndWithTheirContext(t *testing.T) {
	turns := newTurns(1)
	who := Party{Client, "c"}
	if err := turns.take(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := turns.take(ctx, who); err == nil {
		t.Fatal("a turn without a context")
	}
	turns.give(who)
	if turns.free != 1 || len(turns.waiting) != 0 || len(turns.running) != 0 {
		t.Errorf("%d free, %d waiting, %d running, want 1, 0, 0", turns.free, len(turns.waiting), len(turns.running))
	}
	if err := turns.take(t.Context(), who); err != nil {
		t.Fatal(err)
	}
}

// TestBuckets lets parties take what they may at once, and then as much as time brings.
func TestBuckets(t *testing.T) {
	b := newBuckets(10)
	now := time.Unix(1000, 0)
	greedy, other := Party{Name: "greedy"}, Party{Name: "other"}
	for i := range 10 {
		if w := b.wait(greedy, now); w > 0 {
			t.Fatalf("the %dth of 10 waits %v", i+1, w)
		}
		b.take(greedy, now)
	}
	if got, want := b.wait(greedy, now), time.Second/handshakeRate; got != want {
		t.Errorf("one more waits %v, want %v", got, want)
	}
	if w := b.wait(other, now); w > 0 {
		t.Errorf("another waits %v", w)
	}
	now = now.Add(time.Second / handshakeRate)
	if w := b.wait(greedy, now); w > 0 {
		t.Errorf("after that time it waits %v", w)
	}
	for i := range 3 * maxBuckets {
		now = now.Add(time.Second)
		b.take(Party{Name: fmt.Sprint(i)}, now)
	}
	if got := len(b.parties); got > maxBuckets {
		t.Errorf("%d parties are remembered, want at most %d", got, maxBuckets)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"MaxConns": {MaxConns: -1}, "MaxRequests": {MaxRequests: -1}, "MaxBytes": {MaxBytes: -1}, "MinRate": {MinRate: -1},
		"StallTimeout": {StallTimeout: -1}, "HeaderTimeout": {HeaderTimeout: -1}, "IdleTimeout": {IdleTimeout: -1}, "MaxTurns": {MaxTurns: -1},
	} {
		_, err := New(o)
		if want := "httpd: " + name + " must not be negative"; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}
