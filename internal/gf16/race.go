package gf16

import (
	"unsafe"

	"github.com/redstuff-go/redstuff/internal/race"
)

// instrumented returns k itself, or under the race detector kernels that tell it what
// they touch, and then call those of k.
func instrumented(k *kernels) *kernels {
	if !race.Enabled {
		return k
	}
	w := *k
	touch := func(dst, src unsafe.Pointer, n int, scratch bool) {
		if scratch {
			race.Write(src, n)
		} else {
			race.Read(src, n)
		}
		race.Write(dst, n)
	}
	forwardPass := func(run forward, radix int) forward {
		return func(dst, src unsafe.Pointer, planeBytes, dist, groups, t int, tab unsafe.Pointer) {
			touch(dst, src, 2*planeBytes*radix*dist*groups, false)
			run(dst, src, planeBytes, dist, groups, t, tab)
		}
	}
	inversePass := func(run inverse, radix int) inverse {
		return func(dst, src unsafe.Pointer, planeBytes, dist, groups, t, add int, tab unsafe.Pointer) {
			touch(dst, src, 2*planeBytes*radix*dist*groups, add != 0)
			run(dst, src, planeBytes, dist, groups, t, add, tab)
		}
	}
	w.fft4, w.fft2 = forwardPass(k.fft4, 4), forwardPass(k.fft2, 2)
	w.ifft4, w.ifft2 = inversePass(k.ifft4, 4), inversePass(k.ifft2, 2)
	if k.fft8 != nil {
		w.fft8, w.ifft8 = forwardPass(k.fft8, 8), inversePass(k.ifft8, 8)
		w.ifft8gather = func(dst unsafe.Pointer, planeBytes, groups, t int, srcs *[]byte, off, more int, tab unsafe.Pointer) {
			for _, s := range headers(srcs, 8*groups) {
				race.ReadRows(s[off:], 0, 2*planeBytes, 1)
			}
			race.Write(dst, 16*planeBytes*groups)
			k.ifft8gather(dst, planeBytes, groups, t, srcs, off, more, tab)
		}
		w.fft8scatter = func(dsts *[]byte, off, more int, src unsafe.Pointer, planeBytes, groups, t, stream int, tab unsafe.Pointer) {
			for _, s := range headers(dsts, 8*groups) {
				race.WriteRows(s[off:], 0, 2*planeBytes, 1)
			}
			race.Write(src, 16*planeBytes*groups)
			k.fft8scatter(dsts, off, more, src, planeBytes, groups, t, stream, tab)
		}
		w.fused8 = func(a fused8Args, tab unsafe.Pointer) {
			touch(a.dst, a.src, 16*a.planeBytes*a.dist*a.groups, a.live > 0 || a.keep != 0)
			k.fused8(a, tab)
		}
	}
	if k.toTower != nil {
		w.toTower = func(rows unsafe.Pointer, planeBytes, count int, tab unsafe.Pointer) {
			race.Write(rows, 2*planeBytes*count)
			k.toTower(rows, planeBytes, count, tab)
		}
	}
	encoder := func(run encode, rows int) encode {
		if run == nil {
			return nil
		}
		return func(dsts *[]byte, m int, srcs *[]byte, k, base, off, n int, from, to, tab unsafe.Pointer) {
			for _, s := range headers(srcs, k) {
				race.ReadRows(s[off:], 0, n, 1)
			}
			if from != nil {
				race.Read(from, rows*n)
			}
			if to != nil {
				race.Write(to, rows*n)
			} else {
				for _, s := range headers(dsts, m) {
					race.WriteRows(s[off:], 0, n, 1)
				}
			}
			run(dsts, m, srcs, k, base, off, n, from, to, tab)
		}
	}
	w.encode2, w.encode4 = encoder(k.encode2, 2), encoder(k.encode4, 4)
	w.encode8, w.encode16 = encoder(k.encode8, 8), encoder(k.encode16, 16)
	w.sum = func(dst unsafe.Pointer, srcs *[]byte, count, off, n int) {
		for _, s := range headers(srcs, count) {
			race.ReadRows(s[off:], 0, n, 1)
		}
		race.Write(dst, n)
		k.sum(dst, srcs, count, off, n)
	}
	w.scale = func(dst, src unsafe.Pointer, planeBytes, rows int, coeffs *Elem, tab unsafe.Pointer) {
		race.Read(unsafe.Pointer(coeffs), 2*rows)
		race.Read(src, 2*planeBytes*rows)
		race.Write(dst, 2*planeBytes*rows)
		k.scale(dst, src, planeBytes, rows, coeffs, tab)
	}
	w.pack = func(dst unsafe.Pointer, planeBytes int, srcs *[]byte, rows, off, step, size, count int) {
		for _, s := range headers(srcs, rows) {
			race.ReadRows(s[off:], step, size, count)
		}
		race.Write(dst, 2*planeBytes*rows)
		k.pack(dst, planeBytes, srcs, rows, off, step, size, count)
	}
	w.unpack = func(dsts *[]byte, rows, off, step, size, count int, src unsafe.Pointer, planeBytes int) {
		for i, s := range headers(dsts, rows) {
			race.WriteRows(s[off:], step, size, count)
			for plane := range 2 {
				race.Read(unsafe.Add(src, (2*i+plane)*planeBytes), count*size/2)
			}
		}
		k.unpack(dsts, rows, off, step, size, count, src, planeBytes)
	}
	region := func(run func(dst, src unsafe.Pointer, n int, c Elem, tab unsafe.Pointer)) func(dst, src unsafe.Pointer, n int, c Elem, tab unsafe.Pointer) {
		return func(dst, src unsafe.Pointer, n int, c Elem, tab unsafe.Pointer) {
			race.Read(src, n)
			race.Write(dst, n)
			run(dst, src, n, c, tab)
		}
	}
	w.mul, w.mulAdd = region(k.mul), region(k.mulAdd)
	w.dot = func(dst unsafe.Pointer, srcs *[]byte, off, n int, coeffs *Elem, count int, tab unsafe.Pointer) {
		race.Read(unsafe.Pointer(coeffs), 2*count)
		for _, s := range headers(srcs, count) {
			race.ReadRows(s[off:], 0, n, 1)
		}
		race.Write(dst, n)
		k.dot(dst, srcs, off, n, coeffs, count, tab)
	}
	w.mulAddMany = func(dsts *[]byte, off, n int, src unsafe.Pointer, coeffs *Elem, count int, tab unsafe.Pointer) {
		race.Read(unsafe.Pointer(coeffs), 2*count)
		race.Read(src, n)
		for _, s := range headers(dsts, count) {
			race.WriteRows(s[off:], 0, n, 1)
		}
		k.mulAddMany(dsts, off, n, src, coeffs, count, tab)
	}
	w.xor = func(dst, src unsafe.Pointer, n int) {
		race.Read(src, n)
		race.Write(dst, n)
		k.xor(dst, src, n)
	}
	return &w
}

// headers returns count slice headers, which the kernels read.
func headers(first *[]byte, count int) [][]byte {
	race.Read(unsafe.Pointer(first), count*int(unsafe.Sizeof(*first)))
	return unsafe.Slice(first, count)
}
