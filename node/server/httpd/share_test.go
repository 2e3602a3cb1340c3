package httpd

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func parties() []Party {
	var list []Party
	for class := Stranger; class <= Member; class++ {
		for i := range 4 {
			list = append(list, Party{Class: class, Name: fmt.Sprint(i)})
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
				more = p.take(Party{Class: Client, Name: fmt.Sprint(i)}, 1, 0) || more
			}
		}
		left := size - p.use()
		if want := int64(size / (k + 1)); left < want {
			t.Errorf("%d greedy parties leave %d of %d, want %d", k, left, size, want)
		}
		if !p.take(Party{Class: Member, Name: "new"}, 1, 0) || !p.take(Party{Class: Client, Name: "new"}, 1, 0) {
			t.Errorf("%d greedy parties leave nothing for others", k)
		}
	}
	p := newPool(size)
	for i := range 10 * size {
		p.take(Party{Class: Stranger, Name: fmt.Sprint(i)}, 1, 0)
	}
	if got := p.use(); got > size/2 {
		t.Errorf("many strangers hold %d of %d, want at most half", got, size)
	}
}

// waiting counts who waits for a turn.
func waiting(t *turns) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.lines {
		n += len(l.waiting)
	}
	return n
}

// idle reports whether so many turns are free, and nobody has one or waits for one.
func idle(t *turns, free int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.free == free && len(t.lines) == 0
}

// order lets parties wait for a turn that the first of them has, one after the other, and
// returns in what order they get it.
func order(t *testing.T, turns *turns, first Party, others ...Party) (all []Party) {
	t.Helper()
	if err := turns.take(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	came := make(chan Party, len(others))
	for i, who := range others {
		go func() {
			if err := turns.take(t.Context(), who); err != nil {
				t.Error(err)
			}
			came <- who
			turns.give(who)
		}()
		eventually(t, "it waits", func() bool { return waiting(turns) == i+1 })
	}
	turns.give(first)
	for range others {
		all = append(all, <-came)
	}
	return all
}

// TestTurnsAreFair has one party wait many times before others come: they are next.
func TestTurnsAreFair(t *testing.T) {
	greedy, other, third := Party{Class: Client, Name: "greedy"}, Party{Class: Member, Name: "other"}, Party{Name: "third"}
	turns := newTurns(1)
	got := order(t, turns, greedy, greedy, greedy, greedy, other, third, other)
	want := []Party{greedy, other, third, greedy, other, greedy}
	if !slices.Equal(got, want) {
		t.Errorf("turns of %v, want %v", got, want)
	}
	eventually(t, "the turn is free", func() bool { return idle(turns, 1) })

	// Who has the fewest running is next, whoever came first.
	turns = newTurns(2)
	if err := turns.take(t.Context(), greedy); err != nil {
		t.Fatal(err)
	}
	got = order(t, turns, third, greedy, greedy, other)
	if want = []Party{other, greedy, greedy}; !slices.Equal(got, want) {
		t.Errorf("beside a turn of the greedy one: turns of %v, want %v", got, want)
	}
}

func TestTurnsEndWithTheirContext(t *testing.T) {
	turns := newTurns(1)
	who := Party{Class: Client, Name: "c"}
	if err := turns.take(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := turns.take(ctx, who); err == nil {
		t.Fatal("a turn without a context")
	}
	turns.give(who)
	if !idle(turns, 1) {
		t.Errorf("%d free, and %d lines, want 1 and none", turns.free, len(turns.lines))
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
