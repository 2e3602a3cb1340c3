// Package bitset holds sets of shards, a bit for each.
package bitset

import (
	"encoding/binary"
	"math/bits"
)

// Set is a set of shards: bit i%64 of word i/64 stands for shard i.
type Set []uint64

// Words returns the number of words of a set of up to n shards.
func Words(n int) int { return (n + 63) / 64 }

// Has reports whether shard i is in the set.
func (s Set) Has(i int) bool { return s[i>>6]>>(i&63)&1 != 0 }

// Add puts shard i in the set.
func (s Set) Add(i int) { s[i>>6] |= 1 << (i & 63) }

// AddAll adds the shards from 0 up to to.
func (s Set) AddAll(to int) {
	for i := 0; i < to>>6; i++ {
		s[i] = ^uint64(0)
	}
	if to&63 > 0 {
		s[to>>6] |= 1<<(to&63) - 1
	}
}

// Count returns how many of the shards in [from, to) are in the set.
func (s Set) Count(from, to int) (n int) {
	for i := from >> 6; i<<6 < to; i++ {
		n += bits.OnesCount64(within(s[i], i, from, to))
	}
	return n
}

// AppendTo appends the shards of the set in [from, to), ascending, each less base.
func (s Set) AppendTo(list []int, from, to, base int) []int {
	return s.appendIf(list, 0, from, to, base)
}

// AppendOthers is AppendTo for the shards that are not in the set.
func (s Set) AppendOthers(list []int, from, to, base int) []int {
	return s.appendIf(list, ^uint64(0), from, to, base)
}

func (s Set) appendIf(list []int, invert uint64, from, to, base int) []int {
	for i := from >> 6; i<<6 < to; i++ {
		for word := within(s[i]^invert, i, from, to); word != 0; word &= word - 1 {
			list = append(list, i<<6+bits.TrailingZeros64(word)-base)
		}
	}
	return list
}

// within returns word i of a set without the shards outside [from, to).
func within(word uint64, i, from, to int) uint64 {
	if skip := from - i<<6; skip > 0 {
		word &= ^uint64(0) << skip
	}
	if rest := to - i<<6; rest < 64 {
		word &= 1<<rest - 1
	}
	return word
}

// AppendKey appends the set as bytes.
func (s Set) AppendKey(key []byte) []byte {
	for _, word := range s {
		key = binary.LittleEndian.AppendUint64(key, word)
	}
	return key
}
