package light_test

import (
	"fmt"
	"testing"

	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
	"github.com/redstuff-go/redstuff/node/ledger/light"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// BenchmarkEpoch measures what one epoch costs a client: the bytes of its handover, and
// the time to verify it, where members stay and where the stake of one moves shards.
func BenchmarkEpoch(b *testing.B) {
	for _, size := range []struct{ members, shards int }{{10, 100}, {100, 1000}} {
		for _, moves := range []bool{false, true} {
			b.Run(fmt.Sprintf("members=%d/shards=%d/moves=%v", size.members, size.shards, moves), func(b *testing.B) {
				const epochs = 3
				n := must[*ledgertest.Network](b)(ledgertest.NewNetwork(size.members, size.shards, "alice"))
				genesis := n.State.Genesis()
				a := light.NewArchive(n.State)
				n.Follow = a.Add
				for range epochs + 1 {
					check(b, n.NextEpoch())
					if moves {
						must[ledger.ObjectID](b)(n.Do(ledgertest.Key("alice"), ledger.StakeWith{Node: n.Members[0].ID, Amount: ledgertest.Stake / 2}))
					}
				}
				bytes := 0
				for from := uint32(2); from < 2+epochs; from++ {
					all := must[[]light.Handover](b)(a.Handovers(ctx, from))
					bytes += len(light.MarshalHandovers(all[:1]))
				}
				c := must[*light.Client](b)(light.New(genesis, light.Options{}, a))
				must[ledger.Checkpoint](b)(c.Sync(ctx))
				begin := new(light.Memory)
				first := must[*light.Client](b)(light.New(genesis, light.Options{Store: begin}, a))
				if _, err := first.Committee(ctx, 2); err != nil {
					b.Fatal(err)
				}
				data := must[[]byte](b)(begin.Load())
				b.ResetTimer()
				for range b.N {
					b.StopTimer()
					store := new(light.Memory)
					check(b, store.Save(data))
					c := must[*light.Client](b)(light.New(genesis, light.Options{Store: store}, a))
					if _, err := c.Committee(ctx, 2); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
					if _, err := c.Committee(ctx, 2+epochs); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000/epochs, "ms/epoch")
				b.ReportMetric(float64(bytes)/epochs, "B/epoch")
			})
		}
	}
}

// BenchmarkProof measures the proof of a key in a ledger of many blobs.
func BenchmarkProof(b *testing.B) {
	n := must[*ledgertest.Network](b)(ledgertest.NewNetwork(4, 10, "alice"))
	alice := ledgertest.Key("alice")
	for range 20 {
		var txs [][]byte
		for i := range uint64(500) {
			txs = append(txs, must[[]byte](b)(n.Sign(alice, i, ledger.ReserveSpace{Size: 1, End: 3})))
		}
		must[ledger.Outcome](b)(n.Apply(txs...))
	}
	a := light.NewArchive(n.State)
	n.Follow = a.Add
	check(b, n.NextEpoch())
	c := must[*light.Client](b)(light.New(n.State.Genesis(), light.Options{}, a))
	at := must[ledger.Checkpoint](b)(c.Sync(ctx))
	p := must[[]byte](b)(must[*tree.Proof](b)(a.Prove(ctx, at.Height, ledger.SystemKey())).MarshalBinary())
	for b.Loop() {
		if _, ok, _, err := c.Get(ctx, ledger.SystemKey()); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
	b.ReportMetric(float64(len(p)), "B/proof")
}
