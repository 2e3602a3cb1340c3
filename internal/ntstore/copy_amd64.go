//go:build !purego

package ntstore

import (
	"unsafe"

	"github.com/redstuff-go/redstuff/internal/cpu"
	"github.com/redstuff-go/redstuff/internal/race"
)

// New returns the copier of a backend.
func New(backend string) Copier {
	return Copier{wide: backend == cpu.AVX512 || backend == cpu.AVX512GFNI}
}

// aheadBytes is how much of the rows to come is on its way while one is copied:
// what a core can have in flight, and some more.
const aheadBytes = 4 << 10

func (c Copier) gather(dst, src Rows, size, count int) bool {
	if c.wide {
		instrument(dst, src, size, count)
		ahead := (aheadBytes + size - 1) / size * src.Stride
		gatherAVX512(&dst.Base[0], dst.Stride, &src.Base[0], src.Stride, size, count, ahead)
	}
	return c.wide
}

func (c Copier) store(dst, src Rows, size, count int, carry []byte, first, last bool) {
	if !c.wide {
		copyRows(dst, src, size, count)
		return
	}
	instrument(dst, src, size, count)
	storeAVX512(&dst.Base[0], dst.Stride, &src.Base[0], src.Stride, size, count, unsafe.SliceData(carry), flag(first), flag(last))
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// instrument tells the race detector what a kernel does.
func instrument(dst, src Rows, size, count int) {
	race.ReadRows(src.Base, src.Stride, size, count)
	race.WriteRows(dst.Base, dst.Stride, size, count)
}
