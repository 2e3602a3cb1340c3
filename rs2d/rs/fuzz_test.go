package rs

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/redstuff-go/redstuff/gf"
)

// FuzzReconstruct codes any shape, loses any shards, and either has them back to the
// bit, on every backend, or is told that there are too few.
func FuzzReconstruct(f *testing.F) {
	f.Add(uint16(10), uint16(4), false, uint16(1), uint64(1), uint16(4), []byte("data"))
	f.Add(uint16(3), uint16(40), true, uint16(76), uint64(2), uint16(40), []byte{})
	f.Add(uint16(40), uint16(3), true, uint16(33), uint64(3), uint16(2), []byte{1})
	f.Add(uint16(256), uint16(255), false, uint16(2), uint64(4), uint16(255), []byte{0xff, 0})
	f.Add(uint16(33), uint16(33), true, uint16(95), uint64(5), uint16(34), []byte("too many lost"))
	f.Fuzz(func(t *testing.T, k, m uint16, rs2 bool, units uint16, seed uint64, lose uint16, data []byte) {
		const maxSide, maxUnits = 700, 200
		dataShards, parityShards := 1+int(k)%maxSide, 1+int(m)%maxSide
		variant := Leopard
		if rs2 {
			variant = RS2
		}
		var reference, reconstructed [][]byte
		for _, backend := range gf.Backends() {
			c := newCodec(t, dataShards, parityShards, WithVariant(variant), WithBackend(backend), WithWorkers(1+int(seed%3)))
			n, size := c.TotalShards(), c.ShardSizeMultiple()*(1+int(units)%maxUnits)
			shards := makeShards(n, size)
			r := rand.New(rand.NewPCG(seed, 0))
			for i, shard := range shards {
				for j := range shard {
					shard[j] = byte(r.Uint32())
				}
				if len(data) > 0 {
					copy(shard, data[i%len(data):])
				}
			}
			if err := c.Encode(shards); err != nil {
				t.Fatal(err)
			}
			lost := r.Perm(n)[:int(lose)%(n+1)]
			required := make([]bool, n)
			got := clone(shards)
			for _, i := range lost {
				got[i] = got[i][:0]
				if r.Uint32()%2 == 0 {
					got[i] = nil
				}
				required[i] = r.Uint32()%3 != 0
			}
			some := append([][]byte(nil), got...)
			for i := range some {
				some[i] = append([]byte(nil), got[i]...)
			}
			err, errSome := c.Reconstruct(got), c.ReconstructSome(some, required)
			if len(lost) > parityShards {
				if len(lost) < n && !errors.Is(err, ErrTooFewShards) || len(lost) == n && !errors.Is(err, ErrNoData) {
					t.Fatalf("%d of %d lost: error %v", len(lost), n, err)
				}
				if errSome == nil {
					t.Fatal("ReconstructSome of too few shards")
				}
				continue
			}
			if err != nil || errSome != nil {
				t.Fatal(err, errSome)
			}
			for i := range shards {
				if !bytes.Equal(got[i], shards[i]) {
					t.Fatalf("%s: shard %d differs", backend, i)
				}
				if len(some[i]) > 0 && !bytes.Equal(some[i], shards[i]) || required[i] && len(some[i]) == 0 {
					t.Fatalf("%s: required shard %d differs", backend, i)
				}
			}
			if reference == nil {
				reference, reconstructed = shards, got
				continue
			}
			for i := range shards {
				if !bytes.Equal(shards[i], reference[i]) || !bytes.Equal(got[i], reconstructed[i]) {
					t.Fatalf("%s differs from the first backend in shard %d", backend, i)
				}
			}
		}
	})
}
