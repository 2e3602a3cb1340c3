package gf16

import (
	"fmt"
	"math/bits"
)

// checkRows panics unless b holds planar rows.
func checkRows(method string, b []byte, planeBytes, rows int) {
	if planeBytes <= 0 || planeBytes%RowAlign != 0 {
		panic(fmt.Sprintf("gf: %s: a plane of a planar row has %d bytes; it must be a positive multiple of %d", method, planeBytes, RowAlign))
	}
	if need := 2 * planeBytes * rows; len(b) < need {
		panic(fmt.Sprintf("gf: %s: %d planar rows with planes of %d bytes take %d bytes, got %d", method, rows, planeBytes, need, len(b)))
	}
}

// checkSymbols panics unless the shards hold the symbols, and a planar row does.
func checkSymbols(method string, shards [][]byte, planeBytes, off, step, size, count int) {
	if size < 0 || size%2 != 0 || count < 0 || off < 0 || step < 0 || count*size/2 > planeBytes {
		panic(fmt.Sprintf("gf: %s: %d symbols of %d bytes at %d step %d do not fit a planar row with planes of %d bytes", method, count, size, off, step, planeBytes))
	}
	end := off + (count-1)*step + size
	// Nearly always all are long enough, which is told quickest without asking each.
	short, rest := 0, shards
	for ; len(rest) >= 4; rest = rest[4:] {
		short |= (len(rest[0]) - end) | (len(rest[1]) - end) | (len(rest[2]) - end) | (len(rest[3]) - end)
	}
	for i := range rest {
		short |= len(rest[i]) - end
	}
	if short >= 0 {
		return
	}
	for i := range shards {
		if len(shards[i]) < end {
			panic(fmt.Sprintf("gf: %s: shard %d has %d bytes; the symbols end at %d", method, i, len(shards[i]), end))
		}
	}
}

// checkRegion reports whether there is anything to do.
func checkRegion(method string, b []byte, n int) bool {
	if len(b) != n || n%BlockSize != 0 {
		panic(fmt.Sprintf("gf: %s: regions of %d and %d bytes; want one length, a multiple of %d", method, len(b), n, BlockSize))
	}
	return n > 0
}

func checkMany(method string, regions [][]byte, off, n, coeffs int) {
	if len(regions) != coeffs || off < 0 {
		panic(fmt.Sprintf("gf: %s: %d regions, %d coefficients, offset %d", method, len(regions), coeffs, off))
	}
	for i := range regions {
		if len(regions[i]) < off+n {
			panic(fmt.Sprintf("gf: %s: region %d has %d bytes; want at least %d", method, i, len(regions[i]), off+n))
		}
	}
}

func checkTransform(method string, planeBytes, size, base, live int, dst, src []byte) {
	if size <= 0 || size&(size-1) != 0 || base < 0 || base%size != 0 || base+size > Order || live < 0 || live > size {
		panic(fmt.Sprintf("gf: %s: size %d, base %d, %d rows in use: size must be a power of two, base a multiple of it, base+size at most %d", method, size, base, live, Order))
	}
	checkRows(method, dst, planeBytes, size)
	checkRows(method, src, planeBytes, size)
}

// log2 returns the exponent of a power of two.
func log2(n int) int { return bits.TrailingZeros(uint(n)) }
