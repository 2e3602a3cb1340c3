package gf16

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/redstuff-go/redstuff/internal/cpu"
)

// perUnit reports the time of one unit of work, of which an iteration does n.
func perUnit(b *testing.B, n float64, unit string) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/"+unit)
	b.ReportMetric(0, "ns/op")
}

// BenchmarkKernel times the kernels of every backend, over 512 rows as a
// transform has them. A butterfly or a product is of 128 bytes, whatever the
// length of the rows. The first constant of a transform is t/dist rounded down to
// a multiple of the radix: with t = 512 constants are below 256 where dist is over 2,
// which is the common case, and with t = 65024 none is.
func BenchmarkKernel(b *testing.B) {
	const rows, unit = 512, 128
	mem := make([]byte, 2*2*512*rows+4096)
	mem = mem[int(-uintptr(at(mem))&63):]
	// Half a page apart modulo pages, or rows of a power of two would meet the
	// same rows of the other area in the same few sets of the cache.
	dst, src := at(mem), at(mem[2*512*rows+2048:])
	coeffs := make([]Elem, rows)
	slices := make([][]byte, rows)
	for i := range coeffs {
		coeffs[i] = Elem(i * 40503)
		slices[i] = mem[i*1024:][:1024]
	}
	srcs, c := unsafe.SliceData(slices), unsafe.SliceData(coeffs)

	for _, f := range passKernels {
		for _, name := range cpu.Supported() {
			k := kernelsOf(name)
			if f.of(k) == nil {
				continue
			}
			for _, half := range []int{32, 64, 96, 128, 256} {
				for _, first := range []int{512, Order - rows} {
					for _, dist := range []int{1, 4, 16, 64, 128} {
						if f.radix*dist > rows {
							continue
						}
						b.Run(fmt.Sprintf("%s/%s/half=%d/t=%d/dist=%d", f.name, name, half, first, dist), func(b *testing.B) {
							tab, from := k.table(), dst
							if f.add {
								from = src
							}
							for b.Loop() {
								f.of(k)(dst, from, half, dist, rows/(f.radix*dist), first/dist&^(f.radix-1), tab)
							}
							perUnit(b, float64(rows/2*log2(f.radix)*half)/(unit/2), "butterfly")
						})
					}
				}
			}
		}
	}
	for _, name := range cpu.Supported() {
		k := kernelsOf(name)
		for _, half := range []int{32, 64, 96, 128, 256} {
			b.Run(fmt.Sprintf("scale/%s/half=%d", name, half), func(b *testing.B) {
				tab := k.table()
				for b.Loop() {
					k.scale(dst, dst, half, rows, c, tab)
				}
				perUnit(b, float64(2*half*rows)/unit, "product")
			})
		}
	}
	for _, name := range cpu.Supported() {
		k := kernelsOf(name)
		for _, size := range []int{64, 256, 1024} {
			for _, f := range []struct {
				name string
				run  func(size, count int, tab unsafe.Pointer)
			}{
				{"dot", func(n, count int, tab unsafe.Pointer) { k.dot(src, srcs, 0, n, c, count, tab) }},
				{"mulAddMany", func(n, count int, tab unsafe.Pointer) { k.mulAddMany(srcs, 0, n, src, c, count, tab) }},
			} {
				b.Run(fmt.Sprintf("%s/%s/size=%d", f.name, name, size), func(b *testing.B) {
					const count = 16
					tab := k.table()
					for b.Loop() {
						f.run(size, count, tab)
					}
					perUnit(b, float64(size*count)/unit, "product")
				})
			}
		}
		for _, f := range []struct {
			name string
			run  func(tab unsafe.Pointer)
		}{
			{"mul", func(tab unsafe.Pointer) { k.mul(dst, src, 4096, 12345, tab) }},
			{"mulAdd", func(tab unsafe.Pointer) { k.mulAdd(dst, src, 4096, 12345, tab) }},
			{"xor", func(unsafe.Pointer) { k.xor(dst, src, 4096) }},
		} {
			b.Run(f.name+"/"+name+"/size=4096", func(b *testing.B) {
				tab := k.table()
				for b.Loop() {
					f.run(tab)
				}
				perUnit(b, 4096/unit, "product")
			})
		}
	}
	for _, name := range cpu.Supported() {
		k := kernelsOf(name)
		for _, g := range []packing{
			{size: 64, count: 1}, {size: 256, count: 1}, {size: 1024, count: 1},
			{size: 2, count: 64}, {size: 4, count: 64}, {size: 6, count: 64}, {size: 10, count: 64},
			{size: 24, count: 16}, {size: 38, count: 16}, {size: 60, count: 16}, {size: 152, count: 4},
			{size: 2, step: 16, count: 32}, {size: 6, step: 16, count: 32}, {size: 24, step: 32, count: 16},
		} {
			if g.step == 0 {
				g.step = g.size
			}
			g.half = (g.size*g.count/2 + 31) / 32 * 32
			for _, f := range []struct {
				name string
				run  func()
			}{
				{"pack", func() { k.pack(src, g.half, srcs, rows, 0, g.step, g.size, g.count) }},
				{"unpack", func() { k.unpack(srcs, rows, 0, g.step, g.size, g.count, src, g.half) }},
			} {
				b.Run(fmt.Sprintf("%s/%s/size=%d/step=%d/count=%d", f.name, name, g.size, g.step, g.count), func(b *testing.B) {
					for b.Loop() {
						f.run()
					}
					perUnit(b, rows, "row")
				})
			}
		}
	}
}
