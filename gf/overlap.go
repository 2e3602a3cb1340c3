package gf

import (
	"fmt"

	"github.com/redstuff-go/redstuff/internal/alias"
)

// OverlapError is what a method of [Engine] panics with when a region that it writes
// overlaps one that it reads, where that is not allowed.
type OverlapError struct {
	Method string // of Engine
	Region int    // the index of the source or destination, 0 where there is one
}

func (e *OverlapError) Error() string {
	return fmt.Sprintf("gf: %s: what is written overlaps region %d of what is read, or the other way round; they must be apart", e.Method, e.Region)
}

// checkSame panics if two regions overlap and do not begin at one place.
func checkSame(method string, dst, src []byte) {
	if alias.Overlap(dst, src) && &dst[0] != &src[0] {
		panic(&OverlapError{Method: method})
	}
}

// checkApart panics if the region overlaps a part of one of the others: size bytes at off.
// Others that are too short are for the method itself to refuse.
func checkApart(method string, region []byte, others [][]byte, off, size int) {
	for i, other := range others {
		if off >= 0 && size >= 0 && size <= len(other)-off && alias.Overlap(region, other[off:][:size]) {
			panic(&OverlapError{Method: method, Region: i})
		}
	}
}

// rows returns the part of b that so many planar rows take, or all if it is too short.
func rows(b []byte, planeBytes, count int) []byte {
	if n := 2 * planeBytes * count; n >= 0 && n < len(b) {
		return b[:n]
	}
	return b
}
