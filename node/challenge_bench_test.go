package node_test

import (
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

var challengedBlobs = flag.Int("challenged", 1000, "blobs of BenchmarkChallenge")

// BenchmarkChallenge is a challenge of ten nodes with a hundred shards, in one process: they are
// all on one machine, and speak TLS over loopback, and their stores are on its disk. Its time is
// from when the ledger arms the challenge until the last node has passed, and its processor time
// all that the process uses meanwhile, which also has the ledger. Bytes sent are those of messages.
func BenchmarkChallenge(b *testing.B) {
	if testing.Short() {
		b.Skip("takes minutes")
	}
	for _, size := range []int{64 << 10, 1 << 20} {
		for _, of := range []struct {
			name    string
			mode    ledger.ChallengeMode
			missing uint16
		}{{"full", ledger.ChallengesFull, 0}, {"light", ledger.ChallengesLight, 0}, {"light-half", ledger.ChallengesLight, 5000}} {
			b.Run(fmt.Sprintf("%dKiB/%s", size>>10, of.name), func(b *testing.B) {
				a := newArenaOf(b, 10, 100, func(g *ledger.Genesis) {
					g.Challenges.Mode, g.Challenges.Missing = of.mode, of.missing
				}, nodetest.OnDisk(b.TempDir()))
				a.fill(b, *challengedBlobs, size)
				a.nextEpoch()
				a.measure(b)
				symbol, err := a.views.View().Current.Params().SymbolSize(uint64(size))
				if err != nil {
					b.Fatal(err)
				}
				p := a.views.View().Current.Params()
				b.ReportMetric(float64(*challengedBlobs*p.N*(p.P+p.S)*symbol)/1e6, "stored-MB")
			})
		}
	}
}

// fill stores blobs, several at a time.
func (a *arena) fill(b *testing.B, blobs, size int) {
	b.Helper()
	group, ctx := errgroup.WithContext(b.Context())
	var next atomic.Int64
	blob := randomBlob(9, size)
	for range 8 {
		group.Go(func() error {
			mine := append([]byte(nil), blob...)
			for i := next.Add(1); i <= int64(blobs); i = next.Add(1) {
				copy(mine, fmt.Append(nil, "blob ", i, " of ", blobs, " "))
				if _, err := a.client.Store(ctx, mine); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	if err := a.client.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// sent returns how many bytes of messages of challenges all nodes have sent.
func (a *arena) sent() (bytes float64) {
	a.t.Helper()
	for _, n := range a.Nodes {
		families, err := n.Metrics.Gather()
		if err != nil {
			a.t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "redstuff_challenge_sent_bytes_total" {
				bytes += f.GetMetric()[0].GetCounter().GetValue()
			}
		}
	}
	return bytes
}

// measure has all nodes pass a challenge for each round of a benchmark.
func (a *arena) measure(b *testing.B) {
	b.Helper()
	before, used, drawn := a.sent(), 0.0, uint64(0)
	b.StopTimer()
	b.ResetTimer()
	for i := range b.N {
		if i > 0 {
			a.nextEpoch()
		}
		began := processor(b)
		b.StartTimer()
		a.arm()
		for end := time.Now().Add(10 * time.Minute); a.challenge().Stage != challenge.Closed; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				b.Fatalf("not over within ten minutes: %+v", a.challenge())
			}
		}
		b.StopTimer()
		used += processor(b) - began
		c := a.challenge()
		if len(c.Passed) != len(a.Nodes) {
			b.Fatalf("passed: %v, want all %d", a.passed(), len(a.Nodes))
		}
		drawn = min(c.Draws, c.List.Blobs)
	}
	b.ReportMetric(used/float64(b.N), "cpu-ms/op")
	b.ReportMetric((a.sent()-before)/float64(b.N)/1e6, "sent-MB/op")
	b.ReportMetric(float64(drawn), "drawn")
}
