package gf16

import "unsafe"

// passes runs single passes of a transform over planar rows: its kernels, and what they
// leave to be done.
type passes struct {
	k   *kernels
	tab unsafe.Pointer // constants for planar rows
}

// radix returns of how many rows the outermost pass over 2^r rows takes one. Passes
// of eight rows come last (in the inverse, first): next to the values outside.
func (p *passes) radix(r int) int {
	switch {
	case r == 1:
		return 2
	case p.k.fft8 != nil && r%3 == 0:
		return 8
	default:
		return 4
	}
}

// fft runs one pass of the transform over groups of radix·dist rows, whose constants begin
// at t. In radix 8 the groups whose constants are in the subfield are the fused pass's, if
// there is one.
func (p *passes) fft(radix int, dst, src unsafe.Pointer, planeBytes, dist, groups, t int) {
	switch radix {
	case 2:
		p.k.fft2(dst, src, planeBytes, dist, groups, t, p.tab)
	case 4:
		p.k.fft4(dst, src, planeBytes, dist, groups, t, p.tab)
	default:
		m := fused8Args{dst: dst, src: src, planeBytes: planeBytes, dist: dist, u: t, factor: 1, out: 8}
		if inside := p.inside(groups, t); inside > 0 {
			p.fused(&m, inside, nil)
			if groups -= inside; groups > 0 {
				m.skip(inside)
			}
		}
		if groups > 0 {
			p.k.fft8(m.dst, m.src, planeBytes, dist, groups, m.u, p.tab)
		}
	}
}

// ifft runs one pass of the inverse transform, as fft does of the transform. If add is not
// 0, what it would store is added to dst.
func (p *passes) ifft(radix int, dst, src unsafe.Pointer, planeBytes, dist, groups, t, add int) {
	switch radix {
	case 2:
		p.k.ifft2(dst, src, planeBytes, dist, groups, t, add, p.tab)
	case 4:
		p.k.ifft4(dst, src, planeBytes, dist, groups, t, add, p.tab)
	default:
		m := fused8Args{dst: dst, src: src, planeBytes: planeBytes, dist: dist, t: t, factor: 1, live: 8, sum: add}
		if inside := p.inside(groups, t); inside > 0 {
			p.fused(&m, inside, nil)
			if groups -= inside; groups > 0 {
				m.skip(inside)
			}
		}
		if groups > 0 {
			p.k.ifft8(m.dst, m.src, planeBytes, dist, groups, m.t, add, p.tab)
		}
	}
}

// inside returns how many of the groups from constant t on are for the fused pass.
func (p *passes) inside(groups, t int) int {
	if p.k.fused8 == nil || t >= subfield {
		return 0
	}
	return min(groups, (subfield-t)/8)
}

// canFuse reports whether there is a fused pass for groups whose constants begin at t.
func (p *passes) canFuse(t, groups int) bool { return p.k.fused8 != nil && t+8*groups <= subfield }

// fused runs a fused pass over groups, see [fused8Args]. Calls that are given one prefetch
// list share it out among them.
func (p *passes) fused(m *fused8Args, groups int, prefetch *Prefetch) {
	if groups == 0 {
		return
	}
	m.groups, m.left = groups, 0
	if prefetch != nil && len(prefetch.Regions) > 0 {
		m.list, m.offset, m.each, m.left = &prefetch.Regions[0], prefetch.Off, prefetch.Each, len(prefetch.Regions)
		prefetch.Regions = prefetch.Regions[min(m.left, m.each*m.dist*groups):]
	}
	p.k.fused8(*m, p.tab)
}

// ifftFrom runs the first pass of an inverse transform, in radix 8, from the regions to
// the rows. It returns how many rows it wrote.
func (p *passes) ifftFrom(rows unsafe.Pointer, planeBytes, base int, from values) int {
	whole := from.live / 8
	if whole > 0 {
		p.k.ifft8gather(rows, planeBytes, whole, base, &from.regions[0], from.off, groupsAfter(from.regions), p.tab)
	}
	rest := from.live - 8*whole
	if rest == 0 {
		return 8 * whole
	}
	rows = unsafe.Add(rows, 16*planeBytes*whole)
	p.gather(rows, planeBytes, 8*whole, from)
	clearRows(rows, planeBytes, rest, 8)
	p.ifft(8, rows, rows, planeBytes, 1, 1, base+8*whole, 0)
	return 8*whole + 8
}

// fftTo runs the last pass of a transform, in radix 8 over groups of rows, from the rows to
// the regions. What is left in the rows is not defined.
func (p *passes) fftTo(rows unsafe.Pointer, planeBytes, groups, base int, to values) {
	whole := to.live / 8
	if whole > 0 {
		p.k.fft8scatter(&to.regions[0], to.off, groupsAfter(to.regions), rows, planeBytes, whole, base, oneIf(to.stream), p.tab)
	}
	if whole < groups {
		rows := unsafe.Add(rows, 16*planeBytes*whole)
		p.fft(8, rows, rows, planeBytes, 1, 1, base+8*whole)
		p.scatter(rows, planeBytes, 8*whole, to)
	}
}

// gather brings in the regions from the given one on, if there are any.
func (p *passes) gather(rows unsafe.Pointer, planeBytes, first int, from values) {
	if from.regions != nil {
		p.pack(rows, planeBytes, from.regions[first:], from.off, 0, 2*planeBytes, 1)
	}
}

// scatter stores the regions from the given one on, if there are any.
func (p *passes) scatter(rows unsafe.Pointer, planeBytes, first int, to values) {
	if to.regions != nil {
		p.unpack(to.regions[first:], to.off, 0, 2*planeBytes, 1, rows, planeBytes)
	}
}

// pack is [Engine.Pack], unchecked.
func (p *passes) pack(dst unsafe.Pointer, planeBytes int, srcs [][]byte, off, step, size, count int) {
	p.k.pack(dst, planeBytes, &srcs[0], len(srcs), off, step, size, count)
	if p.k.toTower != nil {
		p.k.toTower(dst, planeBytes, len(srcs), p.tab)
	}
}

// unpack is [Engine.Unpack], unchecked.
func (p *passes) unpack(dsts [][]byte, off, step, size, count int, src unsafe.Pointer, planeBytes int) {
	if p.k.toTower != nil {
		p.k.toTower(src, planeBytes, len(dsts), p.tab)
	}
	p.k.unpack(&dsts[0], len(dsts), off, step, size, count, src, planeBytes)
}

// sfence lets others see what was stored past the caches. Between the blocks of a
// transform it would wait for memory.
func (p *passes) sfence(to values) {
	if to.stream && p.k.sfence != nil {
		p.k.sfence()
	}
}

// skip moves on by groups.
func (m *fused8Args) skip(groups int) {
	n := 16 * m.planeBytes * m.dist * groups
	m.dst, m.src = unsafe.Add(m.dst, n), unsafe.Add(m.src, n)
	m.t, m.u = m.t+8*groups, m.u+8*groups
}

// groupsAfter returns how many whole groups of eight regions come after the first:
// also those past the end of the list that another block of the transform has.
func groupsAfter(regions [][]byte) int { return cap(regions)/8 - 1 }

func clearRows(work unsafe.Pointer, planeBytes, from, to int) {
	if to > from {
		clear(unsafe.Slice((*byte)(unsafe.Add(work, 2*planeBytes*from)), 2*planeBytes*(to-from)))
	}
}
