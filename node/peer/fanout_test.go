package peer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redstuff-go/redstuff/node/peer"
)

// transfer is a call of a test: how long it takes, and for how long it brings a part each.
type transfer struct {
	takes time.Duration
	parts int // that come evenly until then
	fails error
}

// fetch is a call's request.
func (a transfer) fetch(ctx context.Context, c *peer.Call) error {
	for range max(1, a.parts) {
		select {
		case <-time.After(a.takes / time.Duration(max(1, a.parts))):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if a.parts > 0 {
			if err := c.Deliver(func() bool { return false }); err != nil {
				return err
			}
		}
	}
	return a.fails
}

// TestTransfersAreHedged asks peers for parts of one thing, of which need must come to
// their end, and asks further ones instead of those that are late.
func TestTransfersAreHedged(t *testing.T) {
	const s, mib = time.Second, 1 << 20 // which takes 2 s as a rule, with a second to hedge after
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		options   peer.FanoutOptions
		need      int
		transfers []transfer
		asked     int // peers, in their order
		took      time.Duration
		slow      []int
	}{
		"all in time":             {need: 2, transfers: []transfer{{takes: s}, {takes: s}, {}}, asked: 2, took: s},
		"one hangs":               {need: 2, transfers: []transfer{{takes: s}, {takes: time.Hour}, {takes: s}}, asked: 3, took: 4 * s, slow: []int{1}},
		"one drips":               {need: 2, transfers: []transfer{{takes: s}, {takes: time.Hour, parts: 36000}, {takes: s}}, asked: 3, took: 4 * s, slow: []int{1}},
		"one fails":               {need: 1, transfers: []transfer{{takes: s, fails: broken}, {takes: s}}, asked: 2, took: 2 * s, slow: []int{0}},
		"one has it not":          {need: 1, transfers: []transfer{{takes: s, fails: peer.ErrNotFound}, {takes: s}}, asked: 2, took: 2 * s},
		"all are late alike":      {need: 1, transfers: []transfer{{takes: 20 * s}}, asked: 1, took: 20 * s},
		"nothing comes of anyone": {options: peer.FanoutOptions{ItemBytes: mib}, need: 2, transfers: []transfer{{takes: time.Hour}, {takes: time.Hour}, {takes: s}, {takes: s}}, asked: 4, took: 3 * s, slow: []int{0, 1}},
		"parts keep coming":       {options: peer.FanoutOptions{ItemBytes: mib}, need: 1, transfers: []transfer{{takes: 6 * s, parts: 6}, {}}, asked: 1, took: 6 * s},
		"too slow to go on":       {options: peer.FanoutOptions{LeastRate: mib}, need: 1, transfers: []transfer{{takes: time.Hour}}, asked: 1, took: 31 * s, slow: []int{0}},
		"no hedging":              {options: peer.FanoutOptions{NoHedge: true}, need: 2, transfers: []transfer{{takes: s}, {takes: time.Hour}, {takes: s}}, asked: 3, took: 4 * s},
	} {
		t.Run(name, func(t *testing.T) {
			peers := make([]*peer.Peer, len(test.transfers))
			for i := range peers {
				peers[i] = idle(t, peer.Options{FailFor: time.Nanosecond})
			}
			set := peer.NewSet(nil, peer.Options{HedgeAfter: s})
			synctest.Test(t, func(t *testing.T) {
				options := test.options
				options.Transfers = true
				f := peer.NewFanout(set, options)
				began, asked, done := time.Now(), 0, 0
				err := f.Run(t.Context(), func() bool {
					if done == test.need {
						return true
					}
					inTime := 0
					for _, c := range f.Open() {
						if !c.Late() {
							inTime++
						}
					}
					for ; done+inTime < test.need && asked < len(peers); inTime++ {
						f.Start(peers[asked], mib, test.transfers[asked].fetch, func(err error) {
							if err == nil {
								done++
							}
						})
						asked++
					}
					return false
				})
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); asked != test.asked || took != test.took {
					t.Errorf("asked %d peers in %v, want %d in %v", asked, took, test.asked, test.took)
				}
				time.Sleep(time.Millisecond) // which is longer than one is failing
				for i, p := range peers {
					want := peer.Good
					if slices.Contains(test.slow, i) {
						want = peer.Slow
					}
					if got := p.ObservedHealth(); got != want {
						t.Errorf("health of peer %d: %d, want %d", i, got, want)
					}
				}
			})
		})
	}
}

// TestFanoutEndsWithItsContext tells who was silent, and waits for nobody.
func TestFanoutEndsWithItsContext(t *testing.T) {
	peers := []*peer.Peer{idle(t, peer.Options{}), idle(t, peer.Options{})}
	set := peer.NewSet(nil, peer.Options{})
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("no more")
		ctx, cancel := context.WithCancelCause(t.Context())
		f := peer.NewFanout(set, peer.FanoutOptions{Transfers: true})
		ends := 0
		begun := false
		err := f.Run(ctx, func() bool {
			if !begun {
				begun = true
				f.Start(peers[0], 0, transfer{takes: time.Second}.fetch, func(error) { ends++ })
				f.Start(peers[1], 0, transfer{takes: time.Hour}.fetch, func(error) { ends++ })
				f.Aside(func(ctx context.Context) { <-ctx.Done() }, func() { t.Error("a task of a fan-out that is over is heard") })
				time.AfterFunc(time.Minute, func() { cancel(cause) })
			}
			return false
		})
		if open := f.Open(); !errors.Is(err, cause) || ends != 1 || len(open) != 1 || open[0].Peer != peers[1] {
			t.Errorf("%v, %d calls ended, %d are open; want %v, 1, and 1 of the second peer", err, ends, len(open), cause)
		}
	})
}

// TestFinishedCallsEndInPeace: a call of which all has come may read the end of its answer
// after the fan-out is over, for some time; one that was stopped may not.
func TestFinishedCallsEndInPeace(t *testing.T) {
	const linger = time.Second
	for name, test := range map[string]struct {
		answerEnds time.Duration // after its content
		stop       bool
		want       error
		health     peer.Health
	}{
		"in time":  {answerEnds: linger / 2},
		"too late": {answerEnds: 2 * linger, want: context.Canceled},
		"stopped":  {answerEnds: linger / 2, stop: true, want: peer.ErrLied, health: peer.Distrusted},
	} {
		t.Run(name, func(t *testing.T) {
			p, set := idle(t, peer.Options{}), peer.NewSet(nil, peer.Options{})
			synctest.Test(t, func(t *testing.T) {
				f := peer.NewFanout(set, peer.FanoutOptions{Transfers: true, Life: t.Context(), Linger: linger})
				ended := make(chan error, 1)
				began, over := time.Now(), false
				var call *peer.Call
				if err := f.Run(t.Context(), func() bool {
					if over || call != nil {
						return over
					}
					call = f.Start(p, 0, func(ctx context.Context, c *peer.Call) error {
						_ = c.Deliver(func() bool {
							over = true
							if test.stop {
								c.Stop(fmt.Errorf("%w: nonsense", peer.ErrLied))
							} else {
								c.Finish()
							}
							return true
						})
						select {
						case <-time.After(test.answerEnds):
							ended <- nil
						case <-ctx.Done():
							ended <- context.Cause(ctx)
						}
						return nil
					}, func(error) { t.Error("the end of a call of which all has come is heard") })
					return false
				}); err != nil || time.Since(began) != 0 {
					t.Errorf("%v after %v, want nothing at once", err, time.Since(began))
				}
				if err := <-ended; !errors.Is(err, test.want) {
					t.Errorf("%v, want %v", err, test.want)
				}
				if got := p.ObservedHealth(); got != test.health {
					t.Errorf("health %d, want %d", got, test.health)
				}
			})
		})
	}
}
