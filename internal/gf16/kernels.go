package gf16

import "unsafe"

// kernels is one backend: the inner loops, each over many rows a call.
//
// Two layouts occur. A *natural* region is a run of 64-byte blocks, word e of a
// block being byte e (low) and byte 32+e (high). A *planar* row is a plane of
// planeBytes low bytes followed by a plane of as many high bytes; word e is byte e
// of each. Planar rows stand one after another. planeBytes is a multiple of 32, so
// that a planar row with planes of 32 bytes is a natural block.
//
// Kernels trust their arguments: the exported functions check lengths first. No
// alignment is assumed anywhere. tab is the backend's table of constants: what the
// function table returns, or for planar rows what rowTable does if there is one.
// coeffs and words are Cantor coordinates.
type kernels struct {
	name  string
	table func() unsafe.Pointer

	// Backends with a kernel toTower hold planar rows as pairs over the subfield, see
	// tower.go: every planar row that a kernel below reads or writes holds such pairs, but
	// for pack and unpack. The kernels of planar rows then take rowTable for tab.
	// toTower changes count planar rows over, either way.
	toTower  func(rows unsafe.Pointer, planeBytes, count int, tab unsafe.Pointer)
	rowTable func() unsafe.Pointer

	// fft4 runs two layers of the transform over groups of 4·dist planar rows.
	// With r0 … r3 standing for rows i, i+dist, i+2dist, i+3dist of one group and
	// w = t + 4·(number of the group):
	//
	//	r0 += (w>>1)·r2; r2 += r0; r1 += (w>>1)·r3; r3 += r1
	//	r0 += w·r1; r1 += r0; r2 += (w^2)·r3; r3 += r2
	//
	// t is a multiple of 4, and of 2 in kernels of one layer. A kernel reads src and
	// writes dst, which are equal or do not overlap.
	fft4 forward
	// fft2 runs one layer over groups of 2·dist planar rows, w = t + 2·group:
	//
	//	r0 += w·r1; r1 += r0
	fft2 forward
	// ifft4 and ifft2 undo fft4 and fft2. If add is not 0, what they would store is added
	// to what dst holds; dst and src do not overlap then, and what is left in src is not
	// defined.
	ifft4, ifft2 inverse

	// fft8 runs three layers over groups of 8·dist planar rows, w = t + 8·group: that
	// of distance 4·dist with w>>2, that of 2·dist with w>>1 and w>>1^2, that of dist
	// with w, w^2, w^4 and w^6. ifft8 undoes it.
	// The radix-8 kernels are nil where three layers in registers gain nothing.
	fft8  forward
	ifft8 inverse
	// ifft8gather is ifft8 at dist 1 of rows that it takes from natural regions: row i
	// is srcs[i][off:off+2·planeBytes]. fft8scatter is fft8 at dist 1 of rows that it leaves in
	// dsts[i][off:off+2·planeBytes]; what is left in src is not defined. planeBytes is a multiple
	// of 32, as always: the regions are whole blocks. While they work on one group of
	// eight they may prefetch the next, of which the list has more than the first.
	// If stream is not 0, fft8scatter stores past the caches, and its regions are aligned to
	// 64 bytes: other cores may see the stores in any order until sfence has been called.
	ifft8gather func(dst unsafe.Pointer, planeBytes, groups, t int, srcs *[]byte, off, more int, tab unsafe.Pointer)
	fft8scatter func(dsts *[]byte, off, more int, src unsafe.Pointer, planeBytes, groups, t, stream int, tab unsafe.Pointer)
	sfence      func()
	fused8      func(args fused8Args, tab unsafe.Pointer)

	// encode2 … encode16 take natural regions at off, n > 0 bytes of them, a multiple of
	// 64, word by word from values of polynomials to the values of their sum elsewhere.
	// With c the number in the kernel's name, block i of c sources, of k in all, holds
	// the values of one polynomial of degree below c at the points from base + c·i on,
	// sources past the last being zero; the destinations, m of them with c/2 < m ≤ c,
	// take the values of the sum of these polynomials at the points from 0 on. base is a
	// multiple of c, and all points are below 256. No destination overlaps another or a
	// source.
	//
	// from and to are memory of c·n bytes, the same or not overlapping, or nil. If there
	// is to, it takes the sums of the polynomials in a form that is the kernel's own, and
	// the destinations nothing. If there is from, the sums that an earlier call left
	// there are added.
	encode2, encode4, encode8, encode16 encode

	// scale multiplies planar row i of src by coeffs[i] into dst, which is equal
	// to src or does not overlap it.
	scale func(dst, src unsafe.Pointer, planeBytes, rows int, coeffs *Elem, tab unsafe.Pointer)

	// pack lays words of natural symbols out in planar rows. Row i takes count
	// symbols of size bytes (even) from srcs[i] at off, off+step, …; symbol s
	// fills plane positions from s·size/2 on. A symbol is a run of 64-byte blocks
	// and a tail of t = size%64 bytes, whose word e is byte e and byte t/2+e.
	// Positions past count·size/2 may be left as they are or filled with anything;
	// nothing is read outside the symbols. unpack is its inverse: it writes the
	// symbols to dsts and nothing else.
	pack   func(dst unsafe.Pointer, planeBytes int, srcs *[]byte, rows, off, step, size, count int)
	unpack func(dsts *[]byte, rows, off, step, size, count int, src unsafe.Pointer, planeBytes int)

	// mulAdd adds c·src to dst: natural regions of n bytes, a multiple of 64,
	// equal or not overlapping.
	mulAdd func(dst, src unsafe.Pointer, n int, c Elem, tab unsafe.Pointer)
	// mul stores c·src in dst, likewise.
	mul func(dst, src unsafe.Pointer, n int, c Elem, tab unsafe.Pointer)
	// dot adds the sum of coeffs[i]·srcs[i][off:off+n] over count sources to dst:
	// natural regions, n a multiple of 64, dst overlapping no source.
	dot func(dst unsafe.Pointer, srcs *[]byte, off, n int, coeffs *Elem, count int, tab unsafe.Pointer)
	// mulAddMany adds coeffs[i]·src to dsts[i][off:off+n] for count destinations.
	mulAddMany func(dsts *[]byte, off, n int, src unsafe.Pointer, coeffs *Elem, count int, tab unsafe.Pointer)
	// xor adds n bytes of src to dst, equal or not overlapping.
	xor func(dst, src unsafe.Pointer, n int)
	// sum stores the sum of srcs[i][off:off+n] over count > 0 sources in dst, which
	// overlaps none of them. n is a multiple of 64.
	sum func(dst unsafe.Pointer, srcs *[]byte, count, off, n int)
}

type encode = func(dsts *[]byte, m int, srcs *[]byte, k, base, off, n int, from, to, tab unsafe.Pointer)

// encoder returns the kernel for so many rows of parity, a power of two, or nil.
func (k *kernels) encoder(rows int) encode {
	switch rows {
	case 2:
		return k.encode2
	case 4:
		return k.encode4
	case 8:
		return k.encode8
	case 16:
		return k.encode16
	}
	return nil
}

type (
	forward = func(dst, src unsafe.Pointer, planeBytes, dist, groups, t int, tab unsafe.Pointer)
	inverse = func(dst, src unsafe.Pointer, planeBytes, dist, groups, t, add int, tab unsafe.Pointer)
)

// fused8Args is a call of the kernel fused8: up to four things in one pass over groups of
// 8·dist planar rows of src, in this order:
//
//   - if live > 0, ifft8 with the constants from t on, the rows from row live of
//     each group on being taken as zero, whatever they hold;
//   - if sum, the rows of dst are added; if keep, the rows are stored to src;
//   - the rows are multiplied by factor;
//   - if out > 0, fft8 with the constants from u on.
//
// It stores the rows of dst, or if out > 0 the first out of each group; what the
// others hold then is not defined, and neither what is left in src if live > 0 and
// it was not asked to keep. All constants and the factor are below 256; dst and src
// are the same or do not overlap, and the same only if neither sum nor keep is asked
// for. Those two are 0 or 1.
//
// While it works it may prefetch the slices of the list from offset on: as much as a row
// has, of each slices for every eight rows, and left in all.
//
// The assembly knows the fields, whose copy is its own to change.
type fused8Args struct {
	dst, src                          unsafe.Pointer
	planeBytes, dist, groups, live, t int
	sum, keep, factor, out, u         int
	list                              *[]byte
	offset, each, left                int
}

// row returns planar row i.
func row(base unsafe.Pointer, planeBytes, i int) (lo, hi []byte) {
	p := unsafe.Add(base, 2*planeBytes*i)
	return unsafe.Slice((*byte)(p), planeBytes), unsafe.Slice((*byte)(unsafe.Add(p, planeBytes)), planeBytes)
}
