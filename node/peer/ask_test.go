package peer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/peer"
)

// TestEachWaitsAsLongAgain asks nodes that take different times, of which three are
// enough, and looks at who is waited for.
func TestEachWaitsAsLongAgain(t *testing.T) {
	const s = time.Second
	for name, test := range map[string]struct {
		takes []time.Duration
		slow  []int // were late before
		want  []bool
		took  time.Duration
	}{
		"all answer":           {[]time.Duration{s, 2 * s, 3 * s, 4 * s}, nil, []bool{true, true, true, true}, 4 * s},
		"one takes too long":   {[]time.Duration{s, 2 * s, 3 * s, 9 * s}, nil, []bool{true, true, true, false}, 6 * s},
		"a second at least":    {[]time.Duration{0, 0, 0, s / 2, 2 * s}, nil, []bool{true, true, true, true, false}, s},
		"one was late before":  {[]time.Duration{s, 2 * s, 3 * s, 4 * s}, []int{3}, []bool{true, true, true, false}, 3 * s},
		"late ones are needed": {[]time.Duration{s, 2 * s, time.Hour, 4 * s}, []int{3}, []bool{true, true, false, true}, 8 * s},
		"too few answer":       {[]time.Duration{s, time.Hour, time.Hour, 2 * s}, nil, []bool{true, true, true, true}, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			peers := make([]*peer.Peer, len(test.takes))
			for i := range peers {
				peers[i] = idle(t, peer.Options{FailFor: time.Minute})
			}
			synctest.Test(t, func(t *testing.T) {
				for _, i := range test.slow {
					peers[i].MarkAnswerLate(time.Now())
				}
				place := make(map[*peer.Peer]int)
				for i, p := range peers {
					place[p] = i
				}
				began, answered := time.Now(), 0
				got := make([]bool, len(peers))
				peer.Each(t.Context(), peers, func(ctx context.Context, p *peer.Peer) (int, error) {
					select {
					case <-time.After(test.takes[place[p]]):
						return place[p], nil
					case <-ctx.Done():
						return 0, context.Cause(ctx)
					}
				}, func(number, value int, err error) bool {
					if err == nil {
						answered++
						got[number] = value == number
					} else if !errors.Is(err, peer.ErrSilent) || peers[number].ObservedHealth() != peer.Slow {
						t.Errorf("%d: %v, health %d", number, err, peers[number].ObservedHealth())
					}
					return answered >= 3
				})
				if took := time.Since(began); fmt.Sprint(got) != fmt.Sprint(test.want) || took != test.took {
					t.Errorf("answers %v in %v, want %v in %v", got, took, test.want, test.took)
				}
			})
		})
	}
}

// TestFirstNamesWhoWasSilent ends a search with its context.
func TestFirstNamesWhoWasSilent(t *testing.T) {
	p := idle(t, peer.Options{})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := peer.First(ctx, peer.NewSet(nil, peer.Options{}), []*peer.Peer{p}, 0, func(ctx context.Context, _ *peer.Peer) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}, nil)
		var none *peer.NoneError
		if !errors.As(err, &none) || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, peer.ErrSilent) || len(none.Errors) != 1 {
			t.Fatal(err)
		}
		if want := "peer: context deadline exceeded; idle: peer: no answer for 1m0s"; err.Error() != want {
			t.Errorf("%q instead of %q", err, want)
		}
	})
}

// TestReach lists blobs up to different ends, and compares the one that is chosen with
// its definition.
func TestReach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "lists")
		ends, weights, total := make([]*commit.BlobID, n), make([]int, n), 0
		for i := range ends {
			if b := rapid.Byte().Draw(t, "end"); b < 250 {
				ends[i] = &commit.BlobID{b}
			}
			weights[i] = rapid.IntRange(1, 5).Draw(t, "weight")
			total += weights[i]
		}
		need := rapid.IntRange(1, total).Draw(t, "need")
		got := peer.Reach(ends, weights, need)
		reaching := func(end *commit.BlobID, further int) (weight int) {
			for i, e := range ends {
				if peer.CompareEnds(e, end) >= further {
					weight += weights[i]
				}
			}
			return weight
		}
		if least := reaching(got, 0); least < need {
			t.Errorf("owners of %d shards have listed so far, want %d", least, need)
		}
		if further := reaching(got, 1); further >= need {
			t.Errorf("owners of %d shards have listed further, and %d are enough", further, need)
		}
	})
}
