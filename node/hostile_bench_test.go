package node_test

import (
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/internal/enemy"
)

// BenchmarkHealAmongHostile recovers all of a node of seven of which the disk is empty,
// while two others, as many as may be faulty, are as hostile as they can, alike or each
// in its own way. Compare the lines with that of nobody.
func BenchmarkHealAmongHostile(b *testing.B) {
	const blobs, size, unknown = 48, 1 << 20, 500
	none := func(*member) {}
	set := func(k fault.Kind) func(*member) {
		return func(m *member) {
			m.faults.SetDelay(4 * time.Second)
			m.faults.SetRate(5_000)
			m.faults.Set(k)
		}
	}
	for _, bench := range []struct {
		name string
		is   [2]func(*member)
	}{
		{"nobody", [2]func(*member){none, none}},
		{"slow lists", [2]func(*member){set(fault.SlowList), set(fault.SlowList)}},
		{"invented blobs", [2]func(*member){set(fault.InventBlobs), set(fault.InventBlobs)}},
		{"dripping symbols", [2]func(*member){set(fault.DripSymbols), set(fault.DripSymbols)}},
		{"wrong symbols", [2]func(*member){set(fault.Corrupt), set(fault.Corrupt)}},
		{"silent", [2]func(*member){set(fault.Stall), set(fault.Stall)}},
		{"endless", [2]func(*member){func(m *member) { m.hostile.SetAll(enemy.Endless) }, func(m *member) { m.hostile.SetAll(enemy.Endless) }}},
		{"all at once", [2]func(*member){set(fault.SlowList | fault.DripSymbols), set(fault.InventBlobs | fault.DripSymbols | fault.Corrupt)}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c := newCluster(b, 7, 28, nil)
			cl := c.client(nil)
			for seed := range uint64(blobs) {
				put(b, cl, randomBlob(seed, size))
			}
			for seed := uint64(1000); seed < 1000+unknown; seed++ {
				e, err := cl.Code().Encode(randomBlob(seed, 10))
				if err != nil {
					b.Fatal(err)
				}
				for i, p := range cl.Peers() {
					if i == 3 {
						continue
					}
					if err := p.PutMetadata(b.Context(), e.ID(), e.Metadata()); err != nil {
						b.Fatal(err)
					}
				}
			}
			bench.is[0](c.nodes[1])
			bench.is[1](c.nodes[5])
			m := c.nodes[3]
			elapsed := time.Duration(0)
			for b.Loop() {
				m.wipe()
				m.start()
				r, err := m.node.Healer().Sync(b.Context())
				if err != nil || r.Failed > 0 || r.Blobs != blobs {
					b.Fatal(r, err)
				}
				elapsed += r.Elapsed
				b.ReportMetric(r.Ratio(), "received/restored")
			}
			b.ReportMetric(float64(elapsed.Milliseconds())/float64(b.N), "heal-ms")
		})
	}
}
