//go:build !purego

package lines

import (
	"unsafe"

	"github.com/redstuff-go/redstuff/internal/cpu"
	"github.com/redstuff-go/redstuff/internal/race"
)

// New returns the mover of a backend.
func New(backend string) Mover {
	return Mover{wide: backend == cpu.AVX512 || backend == cpu.AVX512GFNI}
}

// aheadBytes is how much of the rows to come is on its way while one is copied:
// what a core can have in flight, and some more.
const aheadBytes = 4 << 10

func (m Mover) gather(dst, src Rows, size, count int) bool {
	if m.wide {
		watch(dst, src, size, count)
		ahead := (aheadBytes + size - 1) / size * src.Stride
		gatherAVX512(&dst.Base[0], dst.Stride, &src.Base[0], src.Stride, size, count, ahead)
	}
	return m.wide
}

func (m Mover) store(dst, src Rows, size, count int, carry []byte, first, last bool) {
	if !m.wide {
		copyRows(dst, src, size, count)
		return
	}
	watch(dst, src, size, count)
	storeAVX512(&dst.Base[0], dst.Stride, &src.Base[0], src.Stride, size, count, unsafe.SliceData(carry), flag(first), flag(last))
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// watch tells the race detector what a kernel does.
func watch(dst, src Rows, size, count int) {
	race.ReadRows(src.Base, src.Stride, size, count)
	race.WriteRows(dst.Base, dst.Stride, size, count)
}
