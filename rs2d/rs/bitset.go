package rs

import (
	"encoding/binary"
	"math/bits"
)

// bitset is a set of shards: bit i%64 of word i/64 is shard i.
type bitset []uint64

// words returns the number of words of a set of up to n shards.
func words(n int) int { return (n + 63) / 64 }

func (s bitset) has(i int) bool { return s[i>>6]>>(i&63)&1 != 0 }

func (s bitset) add(i int) { s[i>>6] |= 1 << (i & 63) }

// addAll adds the shards from 0 up to to.
func (s bitset) addAll(to int) {
	for i := 0; i < to>>6; i++ {
		s[i] = ^uint64(0)
	}
	if to&63 > 0 {
		s[to>>6] |= 1<<(to&63) - 1
	}
}

// count returns how many of the shards in [from, to) are in the set.
func (s bitset) count(from, to int) (n int) {
	for i := from >> 6; i<<6 < to; i++ {
		n += bits.OnesCount64(within(s[i], i, from, to))
	}
	return n
}

// appendTo appends the shards of the set in [from, to), ascending, each less base.
func (s bitset) appendTo(list []int, from, to, base int) []int {
	return s.appendIf(list, 0, from, to, base)
}

// appendOthers is appendTo for the shards that are not in the set.
func (s bitset) appendOthers(list []int, from, to, base int) []int {
	return s.appendIf(list, ^uint64(0), from, to, base)
}

func (s bitset) appendIf(list []int, invert uint64, from, to, base int) []int {
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

// appendKey appends the set as bytes.
func (s bitset) appendKey(key []byte) []byte {
	for _, word := range s {
		key = binary.LittleEndian.AppendUint64(key, word)
	}
	return key
}
