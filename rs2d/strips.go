package rs2d

import (
	"iter"

	"github.com/redstuff-go/redstuff/internal/rscode"
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
			step := packed(size, limit)
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

// packed returns how many symbols of size bytes a strip should have: enough to fill
// limit bytes, and up to twice as many if the vectors of their words are fuller then.
func packed(size, limit int) int {
	const vector = 128 // bytes: 64 low and 64 high ones
	const worth = 0.02 // a share of the vectors that is worth a longer strip
	best, waste := 1, 1.0
	for n := max(1, limit/2/size); n <= 2*limit/size && waste > worth; n++ {
		full := (n*size + vector - 1) / vector * vector
		if w := 1 - float64(n*size)/float64(full); w < waste-worth {
			best, waste = n, w
		}
	}
	return best
}

// of returns where the strip is in shards whose run of symbols starts at off, step
// bytes from one to the next.
func (s strip) of(shards [][]byte, off, step int) rscode.Symbols {
	return rscode.Symbols{Shards: shards, Off: off + s.first*step + s.from, Step: step, Size: s.to - s.from, Count: s.count}
}
