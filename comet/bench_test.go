package comet

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// BenchmarkSubmit measures durable transactions of one sender after the other, and of
// many at once, on a log of one process and on four validators in one process.
func BenchmarkSubmit(b *testing.B) {
	for _, senders := range []int{1, 64, 1024} {
		genesis := func() ledger.Genesis {
			g := world.Genesis(members, uint64(time.Now().UnixMilli()), 3_600_000)
			for i := range senders {
				g.Balances = append(g.Balances, ledger.Balance{Account: world.Address(sender(i)), Amount: 1 << 40})
			}
			return g
		}
		b.Run(fmt.Sprintf("embedded/senders=%d", senders), func(b *testing.B) {
			l, err := embedded.Open(b.TempDir(), genesis(), embedded.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			measure(b, senders, l)
		})
		for _, pause := range []time.Duration{10 * time.Millisecond, 300 * time.Millisecond} {
			b.Run(fmt.Sprintf("comet/pause=%v/senders=%d", pause, senders), func(b *testing.B) {
				c := &cluster{t: b, dir: b.TempDir(), key: world.TLS, genesis: genesis(), change: func(_ int, o *Options) { o.BlockPause = pause }}
				for i := range members {
					c.start(i)
					defer c.stop(i)
				}
				wait(b, "first block", func() bool { return c.nodes[0].Chain().Height > 0 })
				var nodes []chain.Backend
				for _, n := range c.nodes {
					nodes = append(nodes, n)
				}
				measure(b, senders, nodes...)
			})
		}
	}
}

func sender(i int) []byte { return world.Key(fmt.Sprint("sender ", i)) }

// measure submits b.N transactions of so many senders, each after its last one.
func measure(b *testing.B, senders int, ledgers ...chain.Backend) {
	b.Helper()
	var mu sync.Mutex
	var took []time.Duration
	var group sync.WaitGroup
	id := ledgers[0].State().ChainID()
	b.ResetTimer()
	for i := range senders {
		group.Go(func() {
			var mine []time.Duration
			for nonce := range uint64((b.N + senders - 1 - i) / senders) {
				tx := ledger.Tx{Chain: id, Nonce: nonce, FeePerByte: 1 << 20, Action: ledger.Transfer{To: world.Address(world.Person(0)), Amount: 1}}
				data, err := tx.Sign(sender(i))
				if err != nil {
					b.Error(err)
					return
				}
				begun := time.Now()
				r, err := ledgers[i%len(ledgers)].Submit(context.Background(), data)
				if err != nil || r.Err != nil {
					b.Error(err, r.Err)
					return
				}
				mine = append(mine, time.Since(begun))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	group.Wait()
	b.StopTimer()
	slices.Sort(took)
	if len(took) > 0 {
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/commit")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/commit-p99")
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}
