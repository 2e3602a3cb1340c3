package rs

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/redstuff-go/redstuff/internal/race"
)

// TestConcurrentUse has 64 goroutines use one codec on shards of their own, and sees
// to it that what the codec keeps for them stops growing.
func TestConcurrentUse(t *testing.T) {
	for _, workers := range []int{1, 4} {
		t.Run(fmt.Sprintf("workers=%d", workers), func(t *testing.T) {
			const goroutines, k, m, size = 64, 20, 12, 1024
			c := newCodec(t, k, m, WithWorkers(workers))
			wants, gots := make([][][]byte, goroutines), make([][][]byte, goroutines)
			news := make([][][]byte, goroutines)
			for g := range goroutines {
				wants[g], gots[g] = makeShards(k+m, size), makeShards(k+m, size)
				news[g] = append(makeShards(1, size), make([][]byte, k-1)...)
				fill(uint64(g), wants[g][:k])
				if err := c.Encode(wants[g]); err != nil {
					t.Fatal(err)
				}
			}
			use := func(g, round int) error {
				want, got := wants[g], gots[g]
				for i := range want {
					got[i] = append(got[i][:0], want[i]...)
				}
				copy(news[g][0], want[0])
				if err := c.Update(got, news[g]); err != nil {
					return err
				}
				for i := range k {
					if err := c.EncodeIdx(want[i], i, got[k:]); err != nil {
						return err
					}
				}
				if err := c.Encode(got); err != nil {
					return err
				}
				for i := range m { // few patterns, shared by some
					got[(i*5+g%8+round%2)%(k+m)] = got[(i*5+g%8+round%2)%(k+m)][:0]
				}
				if err := c.Reconstruct(got); err != nil {
					return err
				}
				for i := range want {
					if !bytes.Equal(got[i], want[i]) {
						return fmt.Errorf("shard %d differs", i)
					}
				}
				if ok, err := c.Verify(got); !ok || err != nil {
					return fmt.Errorf("Verify: %v, %v", ok, err)
				}
				return nil
			}
			rounds := func(n int) (heap, mallocs uint64) {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				var done sync.WaitGroup
				for g := range goroutines {
					done.Go(func() {
						for round := range n {
							if err := use(g, round); err != nil {
								t.Errorf("goroutine %d, round %d: %v", g, round, err)
								return
							}
						}
					})
				}
				done.Wait()
				runtime.ReadMemStats(&after)
				runtime.GC()
				var live runtime.MemStats
				runtime.ReadMemStats(&live)
				return live.HeapAlloc, after.Mallocs - before.Mallocs
			}
			n := 15
			if testing.Short() {
				n = 4
			}
			rounds(n)
			first, _ := rounds(n)
			last, mallocs := rounds(4 * n)
			if last > first+1<<20 {
				t.Errorf("%d bytes in use after a time, %d after four times as many rounds", first, last)
			}
			perCall := float64(mallocs) / float64(goroutines*4*n*(k+4))
			t.Logf("%d and %d bytes in use, %.2f allocations a call", first, last, perCall)
			if !race.Enabled && perCall > 1 {
				t.Errorf("%.2f allocations a call", perCall)
			}
		})
	}
}
