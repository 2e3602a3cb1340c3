package challenge

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Draw returns k of the numbers below size, each set of k with the same probability, in
// ascending order; all of them if there are no more than k. It takes the memory of what it
// returns, twice.
//
// It is the first k steps of a Fisher-Yates shuffle, of which it keeps only the places
// that were moved. The random numbers are SHA-256 of the seed and a counter.
func Draw(seed Seed, size, k uint64) []uint64 {
	k = min(k, size)
	drawn := make([]uint64, 0, k)
	if k == size {
		for i := range size {
			drawn = append(drawn, i)
		}
		return drawn
	}
	r := random{seed: seed}
	moved := make(map[uint64]uint64, k)
	at := func(i uint64) uint64 {
		if v, ok := moved[i]; ok {
			return v
		}
		return i
	}
	for i := range k {
		j := i + r.below(size-i)
		drawn = append(drawn, at(j))
		moved[j] = at(i)
	}
	slices.Sort(drawn)
	return drawn
}

// random is numbers that follow from a seed.
type random struct {
	seed    Seed
	counter uint64
	rest    []byte
}

func (r *random) next() uint64 {
	if len(r.rest) == 0 {
		h := hasherOf(intentDraw)
		h.Write(r.seed[:])
		h.Write(binary.LittleEndian.AppendUint64(nil, r.counter))
		r.rest = h.Sum(make([]byte, 0, sha256.Size))
		r.counter++
	}
	v := binary.LittleEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return v
}

// below returns a number below limit, all with the same probability: a number of the last,
// incomplete run of limit numbers is thrown away.
func (r *random) below(limit uint64) uint64 {
	surplus := -limit % limit // 2^64 mod limit
	for {
		if v := r.next(); v >= surplus {
			return v % limit
		}
	}
}
