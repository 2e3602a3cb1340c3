package gf16

import (
	"crypto/subtle"
	"unsafe"
)

// The pure-Go kernels. They are the definition that every other backend must
// equal, and the whole of the library under the build tag purego.

var genericKernels = &kernels{
	name:  "generic",
	table: func() unsafe.Pointer { return unsafe.Pointer(nibbleTables()) },
	fft4:  fft4Generic,
	fft2:  fft2Generic,
	ifft4: ifft4Generic,
	ifft2: ifft2Generic,
	fft8:  fft8Generic,
	ifft8: ifft8Generic,

	ifft8gather: ifft8gatherGeneric,
	fft8scatter: fft8scatterGeneric,
	sfence:      sfenceGeneric,
	fused8:      fused8Generic,

	encode2:  encodeGeneric(2),
	encode4:  encodeGeneric(4),
	encode8:  encodeGeneric(8),
	encode16: encodeGeneric(16),

	scale:      scaleGeneric,
	pack:       packGeneric,
	unpack:     unpackGeneric,
	mulAdd:     mulAddGeneric,
	mul:        mulGeneric,
	dot:        dotGeneric,
	mulAddMany: mulAddManyGeneric,
	xor:        xorGeneric,
	sum:        sumGeneric,
}

// products maps the low and the high byte of a word to their products by one
// constant; the product of the word is the sum of the two.
type products struct {
	_      [0]uint64 // of writes four entries at a time
	lo, hi [256]uint16
}

// of fills p for the constant c from its shuffle tables: the product of a byte is
// the sum of those of its nibbles.
func (p *products) of(c Elem, tab unsafe.Pointer) {
	t := &(*[Order]nibbles)(tab)[c]
	t.fill(&p.lo, 0)
	t.fill(&p.hi, 2)
}

// fill fills dst with the products of v<<4k by the constant, for all bytes v.
func (t *nibbles) fill(dst *[256]uint16, k int) {
	const lanes = 0x0001_0001_0001_0001
	var low [4]uint64
	for v := range 16 {
		(*[16]uint16)(unsafe.Pointer(&low))[v] = t.word(k, v)
	}
	to := (*[16][4]uint64)(unsafe.Pointer(dst))
	for v := range to {
		high := uint64(t.word(k+1, v)) * lanes
		to[v] = [4]uint64{low[0] ^ high, low[1] ^ high, low[2] ^ high, low[3] ^ high}
	}
}

// word returns the product of the constant and v<<4k.
func (t *nibbles) word(k, v int) uint16 {
	return uint16(t[k][v]) | uint16(t[4+k][v])<<8
}

// addTo adds the products of the words (lo, hi) to the words (dlo, dhi).
func (p *products) addTo(dlo, dhi, lo, hi []byte) {
	dlo, dhi, hi = dlo[:len(lo)], dhi[:len(lo)], hi[:len(lo)]
	for i, l := range lo {
		w := p.lo[l] ^ p.hi[hi[i]]
		dlo[i] ^= byte(w)
		dhi[i] ^= byte(w >> 8)
	}
}

// to stores the products of the words (lo, hi) in the words (dlo, dhi).
func (p *products) to(dlo, dhi, lo, hi []byte) {
	dlo, dhi, hi = dlo[:len(lo)], dhi[:len(lo)], hi[:len(lo)]
	for i, l := range lo {
		w := p.lo[l] ^ p.hi[hi[i]]
		dlo[i], dhi[i] = byte(w), byte(w>>8)
	}
}

// butterfly is r0 += w·r1; r1 += r0, and its inverse, on planar rows.
func (p *products) butterfly(r0, r1 unsafe.Pointer, planeBytes int) {
	lo0, hi0 := row(r0, planeBytes, 0)
	lo1, hi1 := row(r1, planeBytes, 0)
	p.addTo(lo0, hi0, lo1, hi1)
	xorGeneric(r1, r0, 2*planeBytes)
}

func (p *products) inverseButterfly(r0, r1 unsafe.Pointer, planeBytes int) {
	xorGeneric(r1, r0, 2*planeBytes)
	lo0, hi0 := row(r0, planeBytes, 0)
	lo1, hi1 := row(r1, planeBytes, 0)
	p.addTo(lo0, hi0, lo1, hi1)
}

func copyRows(dst, src unsafe.Pointer, planeBytes, rows int) {
	if dst != src {
		copy(unsafe.Slice((*byte)(dst), 2*planeBytes*rows), unsafe.Slice((*byte)(src), 2*planeBytes*rows))
	}
}

func fft2Generic(dst, src unsafe.Pointer, planeBytes, dist, groups, t int, tab unsafe.Pointer) {
	copyRows(dst, src, planeBytes, 2*dist*groups)
	stride := 2 * planeBytes
	var p products
	for g := range groups {
		p.of(Elem(t+2*g), tab)
		for i := range dist {
			r := unsafe.Add(dst, (2*dist*g+i)*stride)
			p.butterfly(r, unsafe.Add(r, dist*stride), planeBytes)
		}
	}
}

func ifft2Generic(dst, src unsafe.Pointer, planeBytes, dist, groups, t, add int, tab unsafe.Pointer) {
	if add != 0 {
		ifft2Generic(src, src, planeBytes, dist, groups, t, 0, tab)
		xorGeneric(dst, src, 4*planeBytes*dist*groups)
		return
	}
	copyRows(dst, src, planeBytes, 2*dist*groups)
	stride := 2 * planeBytes
	var p products
	for g := range groups {
		p.of(Elem(t+2*g), tab)
		for i := range dist {
			r := unsafe.Add(dst, (2*dist*g+i)*stride)
			p.inverseButterfly(r, unsafe.Add(r, dist*stride), planeBytes)
		}
	}
}

// A group of fft4 is a group of fft2 at distance 2·dist with the constant w>>1,
// followed by two at distance dist with the constants w and w^2 = w+2.

func fft4Generic(dst, src unsafe.Pointer, planeBytes, dist, groups, t int, tab unsafe.Pointer) {
	fft2Generic(dst, src, planeBytes, 2*dist, groups, t>>1, tab)
	fft2Generic(dst, dst, planeBytes, dist, 2*groups, t, tab)
}

func ifft4Generic(dst, src unsafe.Pointer, planeBytes, dist, groups, t, add int, tab unsafe.Pointer) {
	middle := scratchOf(dst, src, add)
	ifft2Generic(middle, src, planeBytes, dist, 2*groups, t, 0, tab)
	ifft2Generic(dst, middle, planeBytes, 2*dist, groups, t>>1, add, tab)
}

// scratchOf returns where an inverse leaves what it has yet to work on.
func scratchOf(dst, src unsafe.Pointer, add int) unsafe.Pointer {
	if add != 0 {
		return src
	}
	return dst
}

// A group of fft8 is a group of fft2 at distance 4·dist with the constant w>>2,
// followed by two of fft4 at distance dist with w and w^4 = w+4.

func fft8Generic(dst, src unsafe.Pointer, planeBytes, dist, groups, t int, tab unsafe.Pointer) {
	fft2Generic(dst, src, planeBytes, 4*dist, groups, t>>2, tab)
	fft4Generic(dst, dst, planeBytes, dist, 2*groups, t, tab)
}

func ifft8Generic(dst, src unsafe.Pointer, planeBytes, dist, groups, t, add int, tab unsafe.Pointer) {
	middle := scratchOf(dst, src, add)
	ifft4Generic(middle, src, planeBytes, dist, 2*groups, t, 0, tab)
	ifft2Generic(dst, middle, planeBytes, 4*dist, groups, t>>2, add, tab)
}

func ifft8gatherGeneric(dst unsafe.Pointer, planeBytes, groups, t int, srcs *[]byte, off, more int, tab unsafe.Pointer) {
	packGeneric(dst, planeBytes, srcs, 8*groups, off, 0, 2*planeBytes, 1)
	ifft8Generic(dst, dst, planeBytes, 1, groups, t, 0, tab)
}

func fft8scatterGeneric(dsts *[]byte, off, more int, src unsafe.Pointer, planeBytes, groups, t, stream int, tab unsafe.Pointer) {
	fft8Generic(src, src, planeBytes, 1, groups, t, tab)
	unpackGeneric(dsts, 8*groups, off, 0, 2*planeBytes, 1, src, planeBytes)
}

func sfenceGeneric() {}

func fused8Generic(a fused8Args, tab unsafe.Pointer) {
	rows := 8 * a.dist * a.groups
	if a.live > 0 {
		for g := range a.groups {
			clearRows(a.src, a.planeBytes, (8*g+a.live)*a.dist, 8*(g+1)*a.dist)
		}
		ifft8Generic(a.src, a.src, a.planeBytes, a.dist, a.groups, a.t, 0, tab)
	}
	if a.sum != 0 {
		xorGeneric(a.dst, a.src, 2*a.planeBytes*rows)
	} else {
		copyRows(a.dst, a.src, a.planeBytes, rows)
	}
	if a.keep != 0 {
		copyRows(a.src, a.dst, a.planeBytes, rows)
	}
	if a.factor != 1 {
		var p products
		p.of(Elem(a.factor), tab)
		for i := range rows {
			lo, hi := row(a.dst, a.planeBytes, i)
			p.to(lo, hi, lo, hi)
		}
	}
	if a.out > 0 {
		fft8Generic(a.dst, a.dst, a.planeBytes, a.dist, a.groups, a.u, tab)
	}
}

// encodeGeneric returns the encoder of c rows of parity.
func encodeGeneric(c int) encode {
	return func(dsts *[]byte, m int, srcs *[]byte, k, base, off, n int, from, to, tab unsafe.Pointer) {
		const planeBytes = 256
		var work, total [16 * 2 * planeBytes]byte
		w, sum := unsafe.Pointer(&work), unsafe.Pointer(&total)
		for done := 0; done < n; done += 2 * planeBytes {
			size := min(n-done, 2*planeBytes)
			clear(total[:])
			if from != nil {
				copy(total[:c*size], unsafe.Slice((*byte)(unsafe.Add(from, c*done)), c*size))
			}
			for first := 0; first < k; first += c {
				clear(work[:])
				block := unsafe.Slice(srcs, k)[first:min(k, first+c)]
				packGeneric(w, size/2, &block[0], len(block), off+done, 0, size, 1)
				for dist := 1; dist < c; dist *= 2 {
					ifft2Generic(w, w, size/2, dist, c/2/dist, (base+first)/dist, 0, tab)
				}
				xorGeneric(sum, w, c*size)
			}
			if to != nil {
				copy(unsafe.Slice((*byte)(unsafe.Add(to, c*done)), c*size), total[:])
				continue
			}
			for dist := c / 2; dist > 0; dist /= 2 {
				fft2Generic(sum, sum, size/2, dist, c/2/dist, 0, tab)
			}
			unpackGeneric(dsts, m, off+done, 0, size, 1, sum, size/2)
		}
	}
}

func sumGeneric(dst unsafe.Pointer, srcs *[]byte, count, off, n int) {
	d := unsafe.Slice((*byte)(dst), n)
	for i, src := range unsafe.Slice(srcs, count) {
		if i == 0 {
			copy(d, src[off:][:n])
		} else {
			subtle.XORBytes(d, d, src[off:][:n])
		}
	}
}

func scaleGeneric(dst, src unsafe.Pointer, planeBytes, rows int, coeffs *Elem, tab unsafe.Pointer) {
	var p products
	for i, c := range unsafe.Slice(coeffs, rows) {
		p.of(c, tab)
		dlo, dhi := row(dst, planeBytes, i)
		lo, hi := row(src, planeBytes, i)
		p.to(dlo, dhi, lo, hi)
	}
}

func packGeneric(dst unsafe.Pointer, planeBytes int, srcs *[]byte, rows, off, step, size, count int) {
	for i, src := range unsafe.Slice(srcs, rows) {
		lo, hi := row(dst, planeBytes, i)
		for s := range count {
			symbol := src[off+s*step:][:size]
			for len(symbol) > 0 {
				n := min(len(symbol), 64) / 2
				copy(lo, symbol[:n])
				copy(hi, symbol[n:2*n])
				lo, hi, symbol = lo[n:], hi[n:], symbol[2*n:]
			}
		}
	}
}

func unpackGeneric(dsts *[]byte, rows, off, step, size, count int, src unsafe.Pointer, planeBytes int) {
	for i, dst := range unsafe.Slice(dsts, rows) {
		lo, hi := row(src, planeBytes, i)
		for s := range count {
			symbol := dst[off+s*step:][:size]
			for len(symbol) > 0 {
				n := min(len(symbol), 64) / 2
				copy(symbol[:n], lo)
				copy(symbol[n:2*n], hi)
				lo, hi, symbol = lo[n:], hi[n:], symbol[2*n:]
			}
		}
	}
}

func mulAddGeneric(dst, src unsafe.Pointer, n int, c Elem, tab unsafe.Pointer) {
	var p products
	p.of(c, tab)
	for i := range n / 64 {
		dlo, dhi := row(dst, 32, i)
		lo, hi := row(src, 32, i)
		p.addTo(dlo, dhi, lo, hi)
	}
}

func mulGeneric(dst, src unsafe.Pointer, n int, c Elem, tab unsafe.Pointer) {
	var p products
	p.of(c, tab)
	for i := range n / 64 {
		dlo, dhi := row(dst, 32, i)
		lo, hi := row(src, 32, i)
		p.to(dlo, dhi, lo, hi)
	}
}

func dotGeneric(dst unsafe.Pointer, srcs *[]byte, off, n int, coeffs *Elem, count int, tab unsafe.Pointer) {
	c := unsafe.Slice(coeffs, count)
	for i, src := range unsafe.Slice(srcs, count) {
		mulAddGeneric(dst, unsafe.Pointer(&src[off:][:n][0]), n, c[i], tab)
	}
}

func mulAddManyGeneric(dsts *[]byte, off, n int, src unsafe.Pointer, coeffs *Elem, count int, tab unsafe.Pointer) {
	c := unsafe.Slice(coeffs, count)
	for i, dst := range unsafe.Slice(dsts, count) {
		mulAddGeneric(unsafe.Pointer(&dst[off:][:n][0]), src, n, c[i], tab)
	}
}

func xorGeneric(dst, src unsafe.Pointer, n int) {
	d := unsafe.Slice((*byte)(dst), n)
	subtle.XORBytes(d, d, unsafe.Slice((*byte)(src), n))
}
