package rs2d

import (
	"iter"

	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// strip is a part of a run of symbols: of the symbols first, first+1, … the bytes
// from up to to. Either whole symbols, or whole 64-byte blocks and possibly the tail
// of one.
type strip struct {
	first, count int
	from, to     int
}

// strips cuts count symbols of size bytes in strips of at most limit bytes, a
// multiple of 64, where a symbol or a block of one is the least.
func strips(size, count, limit int) iter.Seq[strip] {
	return func(yield func(strip) bool) {
		if size <= limit {
			step := limit / size
			for first := 0; first < count; first += step {
				if !yield(strip{first, min(step, count-first), 0, size}) {
					return
				}
			}
			return
		}
		for first := range count {
			for from := 0; from < size; from += limit {
				if !yield(strip{first, 1, from, min(size, from+limit)}) {
					return
				}
			}
		}
	}
}

// of returns where the strip is in shards whose run of symbols starts at off, step
// bytes from one to the next.
func (s strip) of(shards [][]byte, off, step int) rs.Symbols {
	return rs.Symbols{Shards: shards, Off: off + s.first*step + s.from, Step: step, Size: s.to - s.from, Count: s.count}
}
