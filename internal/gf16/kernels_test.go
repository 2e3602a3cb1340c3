package gf16

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"unsafe"

	"github.com/redstuff-go/redstuff/internal/cpu"
)

// accelerated returns the kernels of every backend of this machine but generic.
func accelerated() (all []*kernels) {
	for _, name := range cpu.Supported() {
		if name != cpu.Generic {
			all = append(all, plain(kernelsOf(name)))
		}
	}
	return all
}

func TestKernelsOfKnowsEveryBackend(t *testing.T) {
	for _, name := range cpu.Supported() {
		if got := kernelsOf(name).name; got != name {
			t.Errorf("kernelsOf(%q) are those of %q", name, got)
		}
	}
}

// The assembler encodes registers 16 and up, and masks, with AVX-512 without a
// word, and no machine that has AVX-512 notices.
func TestAVX2FilesKeepToAVX2(t *testing.T) {
	beyond := regexp.MustCompile(`AVX512|\bZ\d|\b[XY](1[6-9]|[23]\d)\b|\bK[0-7]\b`)
	for _, name := range []string{"kernels_avx2_amd64.s", "kernels_avx2gfni_amd64.s"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if beyond.MatchString(line) && !strings.HasPrefix(line, "TEXT") {
				t.Errorf("%s:%d: %s", name, i+1, line)
			}
		}
	}
}

// place is where in its arena a buffer stands: at its start, at its end, or in
// the middle and misaligned.
type place int

const (
	atStart place = iota
	atEnd
	misaligned
	places
)

func (p place) String() string { return [...]string{"start", "end", "misaligned"}[p] }

// of returns n bytes of arena, with nothing behind them to grow into.
func (p place) of(arena []byte, n int) []byte {
	off := 0
	switch p {
	case atEnd:
		off = len(arena) - n
	case misaligned:
		off = min(len(arena)-n, 7)
	}
	return arena[off : off+n : off+n]
}

// harness runs kernels in guarded memory, beside the pure-Go ones on copies.
type harness struct {
	testing.TB
	rng    *rand.Rand
	noise  []byte // random bytes to fill arenas with
	arenas [3]arena
}

// arena is guarded memory, and a copy of it for the pure-Go kernels.
type arena struct{ mem, model []byte }

const (
	arenaSize = 300 << 10
	// smallArena is for kernels that work on a few rows: an arena is filled and compared
	// whole each time.
	smallArena = 64 << 10
)

func newHarness(t testing.TB, seed uint64, size int) *harness {
	h := &harness{TB: t, rng: rand.New(rand.NewPCG(seed, 0)), noise: make([]byte, 2*size)}
	for i := 0; i < len(h.noise); i += 8 {
		binary.LittleEndian.PutUint64(h.noise[i:], h.rng.Uint64())
	}
	for i := range h.arenas {
		h.arenas[i] = arena{mem: newArena(t, size)}
		h.arenas[i].model = make([]byte, len(h.arenas[i].mem))
	}
	return h
}

// refill puts the same random bytes in the first n arenas and their models.
func (h *harness) refill(n int) {
	for i := range n {
		from := h.noise[h.rng.IntN(len(h.noise)/2):]
		copy(h.arenas[i].mem, from)
		copy(h.arenas[i].model, from)
	}
}

// equal fails the test if an arena differs from its model.
func (h *harness) equal(arena int, format string, args ...any) {
	h.Helper()
	a := &h.arenas[arena]
	if bytes.Equal(a.mem, a.model) {
		return
	}
	for i := range a.mem {
		if a.mem[i] != a.model[i] {
			h.Fatalf("%s: byte %d of %d differs", fmt.Sprintf(format, args...), i, len(a.mem))
		}
	}
}

func at(p []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(p)) }

// passKernel is one of the kernels that run layers of the transform.
type passKernel struct {
	name  string
	radix int
	add   bool
	of    func(*kernels) forward
}

// storing and adding return an inverse kernel without its last argument but the table.
func storing(run inverse) forward { return withAdd(run, 0) }
func adding(run inverse) forward  { return withAdd(run, 1) }

func withAdd(run inverse, add int) forward {
	if run == nil {
		return nil
	}
	return func(dst, src unsafe.Pointer, half, dist, groups, t int, tab unsafe.Pointer) {
		run(dst, src, half, dist, groups, t, add, tab)
	}
}

var passKernels = []passKernel{
	{"fft4", 4, false, func(k *kernels) forward { return k.fft4 }},
	{"fft2", 2, false, func(k *kernels) forward { return k.fft2 }},
	{"ifft4", 4, false, func(k *kernels) forward { return storing(k.ifft4) }},
	{"ifft2", 2, false, func(k *kernels) forward { return storing(k.ifft2) }},
	{"ifft4 adding", 4, true, func(k *kernels) forward { return adding(k.ifft4) }},
	{"ifft2 adding", 2, true, func(k *kernels) forward { return adding(k.ifft2) }},
	// Not every backend has these.
	{"fft8", 8, false, func(k *kernels) forward { return k.fft8 }},
	{"ifft8", 8, false, func(k *kernels) forward { return storing(k.ifft8) }},
	{"ifft8 adding", 8, true, func(k *kernels) forward { return adding(k.ifft8) }},
}

// plain returns kernels whose planar rows hold Cantor coordinates: those of k, or ones that
// change the rows over to the tower, call those of k, and change them back.
func plain(k *kernels) *kernels {
	if k.toTower == nil {
		return k
	}
	p := *k
	p.toTower, p.rowTable = nil, nil
	overTower := func(rows []unsafe.Pointer, half, count int, f func(tab unsafe.Pointer)) {
		for _, r := range rows {
			k.toTower(r, half, count, k.rowTable())
		}
		f(k.rowTable())
		for _, r := range rows {
			k.toTower(r, half, count, k.rowTable())
		}
	}
	both := func(dst, src unsafe.Pointer) []unsafe.Pointer {
		if dst == src {
			return []unsafe.Pointer{dst}
		}
		return []unsafe.Pointer{dst, src}
	}
	there := func(run forward, radix int) forward {
		if run == nil {
			return nil
		}
		return func(dst, src unsafe.Pointer, half, dist, groups, t int, _ unsafe.Pointer) {
			overTower(both(dst, src), half, radix*dist*groups, func(tab unsafe.Pointer) { run(dst, src, half, dist, groups, t, tab) })
		}
	}
	back := func(run inverse, radix int) inverse {
		if run == nil {
			return nil
		}
		return func(dst, src unsafe.Pointer, half, dist, groups, t, add int, _ unsafe.Pointer) {
			overTower(both(dst, src), half, radix*dist*groups, func(tab unsafe.Pointer) { run(dst, src, half, dist, groups, t, add, tab) })
		}
	}
	p.fft2, p.fft4, p.fft8 = there(k.fft2, 2), there(k.fft4, 4), there(k.fft8, 8)
	p.ifft2, p.ifft4, p.ifft8 = back(k.ifft2, 2), back(k.ifft4, 4), back(k.ifft8, 8)
	if k.fft8 != nil {
		p.ifft8gather = func(dst unsafe.Pointer, half, groups, t int, srcs *[]byte, off, more int, _ unsafe.Pointer) {
			k.ifft8gather(dst, half, groups, t, srcs, off, more, k.rowTable())
			k.toTower(dst, half, 8*groups, k.rowTable())
		}
		p.fft8scatter = func(dsts *[]byte, off, more int, src unsafe.Pointer, half, groups, t, stream int, _ unsafe.Pointer) {
			k.toTower(src, half, 8*groups, k.rowTable())
			k.fft8scatter(dsts, off, more, src, half, groups, t, stream, k.rowTable())
		}
		p.fused8 = func(a fused8Args, _ unsafe.Pointer) {
			overTower(both(a.dst, a.src), a.planeBytes, 8*a.dist*a.groups, func(tab unsafe.Pointer) { k.fused8(a, tab) })
		}
	}
	for _, f := range []*encode{&p.encode2, &p.encode4, &p.encode8, &p.encode16} {
		if run := *f; run != nil {
			*f = func(dsts *[]byte, m int, srcs *[]byte, n, base, off, size int, from, to, _ unsafe.Pointer) {
				run(dsts, m, srcs, n, base, off, size, from, to, k.rowTable())
			}
		}
	}
	p.scale = func(dst, src unsafe.Pointer, half, rows int, coeffs *Elem, _ unsafe.Pointer) {
		overTower(both(dst, src), half, rows, func(tab unsafe.Pointer) { k.scale(dst, src, half, rows, coeffs, tab) })
	}
	return &p
}

// checkTransform compares one call of a kernel with the pure-Go one. The arena
// of the source is not compared when the kernel may leave anything there.
func (h *harness) checkTransform(k *kernels, f passKernel, p place, inPlace bool, half, dist, groups, t int) {
	h.Helper()
	h.refill(2)
	n := 2 * half * f.radix * dist * groups
	dst, src := 0, 1
	if inPlace {
		src = dst
	}
	f.of(k)(at(p.of(h.arenas[dst].mem, n)), at(p.of(h.arenas[src].mem, n)), half, dist, groups, t, k.table())
	f.of(genericKernels)(at(p.of(h.arenas[dst].model, n)), at(p.of(h.arenas[src].model, n)), half, dist, groups, t, genericKernels.table())
	if f.add {
		copy(p.of(h.arenas[src].model, n), p.of(h.arenas[src].mem, n))
	}
	for i := range 2 {
		h.equal(i, "%s of %s: half %d, dist %d, %d groups, t %d, in place %v, %v, arena %d",
			f.name, k.name, half, dist, groups, t, inPlace, p, i)
	}
}

func TestTransformKernels(t *testing.T) {
	for _, k := range accelerated() {
		for _, f := range passKernels {
			if f.of(k) == nil {
				continue
			}
			t.Run(k.name+"/"+f.name, func(t *testing.T) {
				h := newHarness(t, 1, arenaSize)
				for _, half := range []int{32, 64, 96, 128, 160, 192, 224, 416} {
					for _, dist := range []int{1, 2, 4, 8} {
						for groups := range 6 {
							if 2*half*f.radix*dist*groups > arenaSize || (dist == 8 && groups > 2) {
								continue
							}
							// Kernels may treat 0 and the subfield below 256 apart.
							first := f.radix * h.rng.IntN([]int{1, 64, 256/f.radix + 1, Order/f.radix - 5}[h.rng.IntN(4)])
							inPlace := !f.add && h.rng.IntN(2) == 0
							h.checkTransform(k, f, place(h.rng.IntN(int(places))), inPlace, half, dist, groups, first)
						}
					}
				}
				for _, first := range []int{f.radix, 1<<8 - f.radix, 1 << 8, 1 << 15, Order - 3*f.radix} {
					h.checkTransform(k, f, atEnd, !f.add, 96, 2, 3, first)
				}
			})
		}
	}
}

func TestTransformKernelsUndoEachOther(t *testing.T) {
	const half, dist, groups, first = 96, 2, 3, 64
	for _, k := range append(accelerated(), genericKernels) {
		for _, f := range []struct {
			radix         int
			there, andAgo forward
		}{{4, k.fft4, storing(k.ifft4)}, {4, storing(k.ifft4), k.fft4}, {2, k.fft2, storing(k.ifft2)}, {2, storing(k.ifft2), k.fft2}, {8, k.fft8, storing(k.ifft8)}, {8, storing(k.ifft8), k.fft8}} {
			if f.there == nil {
				continue
			}
			h := newHarness(t, 2, arenaSize)
			h.refill(1)
			p := at(h.arenas[0].mem)
			f.there(p, p, half, dist, groups, first, k.table())
			if bytes.Equal(h.arenas[0].mem, h.arenas[0].model) {
				t.Errorf("%s: a kernel of radix %d does nothing", k.name, f.radix)
			}
			f.andAgo(p, p, half, dist, groups, first, k.table())
			h.equal(0, "%s: there and back with radix %d", k.name, f.radix)
		}
	}
}

// What kernels make of constants in the subfield of 256 elements.
func TestMatricesOfTheSubfield(t *testing.T) {
	for c, m := range matrices()[:257] {
		if got := m[2] == 0 && m[0] == m[3]; got != (c < 256) {
			t.Errorf("constant %d: matrix %x", c, m)
		}
	}
}

// checkOctets compares ifft8gather and fft8scatter with the pure-Go ones. The
// list has more regions than the kernels may touch, which follow those they do.
func (h *harness) checkOctets(k *kernels, p place, half, off, groups, t, spare int) {
	h.Helper()
	const size = 8
	n, list := off+2*half, size*groups+spare
	mem, model := make([][]byte, list+1), make([][]byte, list+1)
	refill := func(wholeLines bool) (rows, modelRows unsafe.Pointer) {
		h.refill(2)
		skip := 0
		if wholeLines {
			n = (n + BlockSize - 1) &^ (BlockSize - 1)
		}
		all, allModel := p.of(h.arenas[1].mem, n*list+BlockSize), p.of(h.arenas[1].model, n*list+BlockSize)
		if wholeLines {
			skip = int(-(uintptr(at(all)) + uintptr(off)) % BlockSize)
		}
		all, allModel = all[skip:], allModel[skip:]
		for i := range list {
			mem[i], model[i] = all[i*n:][:n], allModel[i*n:][:n]
		}
		bytes := size * groups * 2 * half
		return at(p.of(h.arenas[0].mem, bytes)), at(p.of(h.arenas[0].model, bytes))
	}
	more := list/size - 1
	rows, modelRows := refill(false)
	k.ifft8gather(rows, half, groups, t, &mem[0], off, more, k.table())
	genericKernels.ifft8gather(modelRows, half, groups, t, &model[0], off, more, genericKernels.table())
	for i := range 2 {
		h.equal(i, "ifft8gather of %s: half %d at %d, %d groups, t %d, %v, arena %d", k.name, half, off, groups, t, p, i)
	}
	for stream := range 2 {
		rows, modelRows = refill(stream == 1)
		k.fft8scatter(&mem[0], off, more, rows, half, groups, t, stream, k.table())
		genericKernels.fft8scatter(&model[0], off, more, modelRows, half, groups, t, stream, genericKernels.table())
		h.equal(1, "fft8scatter of %s: half %d at %d, %d groups, t %d, stream %d, %v", k.name, half, off, groups, t, stream, p)
	}
}

func TestOctetKernels(t *testing.T) {
	for _, k := range accelerated() {
		if k.fft8 == nil {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			h := newHarness(t, 7, arenaSize)
			for half := 32; half <= 416; half += 32 {
				for groups := 1; groups <= 4; groups++ {
					first := 8 * h.rng.IntN([]int{1, 4, 33, Order/8 - 5}[h.rng.IntN(4)])
					h.checkOctets(k, place(h.rng.IntN(int(places))), half, h.rng.IntN(70), groups, first, h.rng.IntN(20))
				}
			}
			for _, first := range []int{0, 8, 1<<8 - 8, 1 << 8, 1 << 15, Order - 24} {
				h.checkOctets(k, atEnd, 96, 0, 3, first, 0)
			}
		})
	}
}

// fused8Call is a call of fused8.
type fused8Call struct {
	half, dist, groups, live, t, sum, keep, factor, out, u, ahead int
}

func (h *harness) checkFused8(k *kernels, p place, inPlace bool, g fused8Call) {
	h.Helper()
	h.refill(2)
	if inPlace {
		g.sum, g.keep = 0, 0
	}
	n := 16 * g.half * g.dist * g.groups
	run := func(k *kernels, dst, src []byte) {
		// Slices that nobody may read: they are only prefetched.
		ahead := make([][]byte, g.ahead+1)
		for i := range ahead {
			ahead[i] = dst[:0]
		}
		k.fused8(fused8Args{at(dst), at(src), g.half, g.dist, g.groups, g.live, g.t, g.sum, g.keep, g.factor, g.out, g.u, &ahead[0], 64, 2, g.ahead}, k.table())
	}
	dst, src := 0, 1
	if inPlace {
		src = dst
	}
	run(k, p.of(h.arenas[dst].mem, n), p.of(h.arenas[src].mem, n))
	run(genericKernels, p.of(h.arenas[dst].model, n), p.of(h.arenas[src].model, n))
	if g.out > 0 {
		group := n / g.groups
		for i := range g.groups {
			from, to := i*group+2*g.half*g.dist*g.out, (i+1)*group
			copy(p.of(h.arenas[dst].model, n)[from:to], p.of(h.arenas[dst].mem, n)[from:to])
		}
	}
	if src != dst && g.live > 0 && g.keep == 0 {
		copy(p.of(h.arenas[src].model, n), p.of(h.arenas[src].mem, n))
	}
	for i := range 2 {
		h.equal(i, "fused8 of %s: %+v, in place %v, %v, arena %d", k.name, g, inPlace, p, i)
	}
}

// fused8Call draws a call of fused8 for rows of the given half.
func (h *harness) fused8Call(half int) fused8Call {
	pick := func(n int) int { return h.rng.IntN(n) }
	g := fused8Call{half: half, dist: 1 + pick(4), live: pick(9), sum: pick(2), keep: pick(2), factor: 1 + pick(3)*pick(128), out: pick(9), ahead: pick(9)}
	g.groups = 1 + pick(min(3, arenaSize/(16*half*g.dist)))
	// The first group of a transform at coset 0 has code of its own.
	g.t, g.u = 8*pick(2)*pick(32-g.groups), 8*pick(2)*pick(32-g.groups)
	return g
}

func TestFused8(t *testing.T) {
	for _, k := range accelerated() {
		if k.fused8 == nil {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			h := newHarness(t, 8, arenaSize)
			for half := 32; half <= 416; half += 32 {
				for range 40 {
					h.checkFused8(k, place(h.rng.IntN(int(places))), h.rng.IntN(2) == 0, h.fused8Call(half))
				}
			}
			for live := range 9 {
				for out := range 9 {
					for zero := range 4 {
						g := h.fused8Call(96)
						g.live, g.out, g.t, g.u = live, out, 8*(zero&1), 8*(zero>>1)
						h.checkFused8(k, atEnd, false, g)
					}
				}
			}
		})
	}
}

func (h *harness) elems(n int) []Elem {
	c := make([]Elem, n+1)
	for i := range c {
		c[i] = Elem(h.rng.Uint32())
		if h.rng.IntN(8) == 0 {
			c[i] &= 1
		}
	}
	return c[:n:n]
}

func (h *harness) checkScale(k *kernels, p place, inPlace bool, half, rows int) {
	h.Helper()
	h.refill(2)
	n := 2 * half * rows
	src := 1
	if inPlace {
		src = 0
	}
	c := unsafe.SliceData(h.elems(rows))
	k.scale(at(p.of(h.arenas[0].mem, n)), at(p.of(h.arenas[src].mem, n)), half, rows, c, k.table())
	genericKernels.scale(at(p.of(h.arenas[0].model, n)), at(p.of(h.arenas[src].model, n)), half, rows, c, genericKernels.table())
	for i := range 2 {
		h.equal(i, "scale of %s: half %d, %d rows, in place %v, %v", k.name, half, rows, inPlace, p)
	}
}

func TestScaleKernels(t *testing.T) {
	for _, k := range accelerated() {
		t.Run(k.name, func(t *testing.T) {
			h := newHarness(t, 3, arenaSize)
			for half := 32; half <= 416; half += 32 {
				for _, rows := range []int{0, 1, 2, 7} {
					h.checkScale(k, place(h.rng.IntN(int(places))), rows%2 == 0, half, rows)
				}
			}
		})
	}
}

// packing is the geometry of a call of pack or unpack.
type packing struct{ half, rows, off, step, size, count int }

// slices returns the rows' slices, each in the arena of its number, in memory
// and in the model. Gaps between symbols belong to the slices.
func (h *harness) slices(p place, g packing) (mem, model [][]byte) {
	n := g.off
	if g.count > 0 {
		n += (g.count-1)*g.step + g.size
	}
	for i := range g.rows {
		mem = append(mem, p.of(h.arenas[1+i].mem, n))
		model = append(model, p.of(h.arenas[1+i].model, n))
	}
	return mem, model
}

func (h *harness) checkPack(k *kernels, p place, g packing) {
	h.Helper()
	h.refill(1 + g.rows)
	mem, model := h.slices(p, g)
	n := 2 * g.half * g.rows
	dst, want := p.of(h.arenas[0].mem, n), p.of(h.arenas[0].model, n)
	k.pack(at(dst), g.half, unsafe.SliceData(mem), g.rows, g.off, g.step, g.size, g.count)
	genericKernels.pack(at(want), g.half, unsafe.SliceData(model), g.rows, g.off, g.step, g.size, g.count)
	for i := range g.rows {
		for plane := range 2 {
			past := ((2*i+plane)*g.half + g.count*g.size/2)
			copy(want[past:(2*i+plane+1)*g.half], dst[past:])
		}
	}
	for i := range 1 + g.rows {
		h.equal(i, "pack of %s: %+v, %v, arena %d", k.name, g, p, i)
	}
}

func (h *harness) checkUnpack(k *kernels, p place, g packing) {
	h.Helper()
	h.refill(1 + g.rows)
	mem, model := h.slices(p, g)
	n := 2 * g.half * g.rows
	src, source := p.of(h.arenas[0].mem, n), p.of(h.arenas[0].model, n)
	k.unpack(unsafe.SliceData(mem), g.rows, g.off, g.step, g.size, g.count, at(src), g.half)
	genericKernels.unpack(unsafe.SliceData(model), g.rows, g.off, g.step, g.size, g.count, at(source), g.half)
	for i := range 1 + g.rows {
		h.equal(i, "unpack of %s: %+v, %v, arena %d", k.name, g, p, i)
	}
}

func TestPackKernels(t *testing.T) {
	for _, k := range accelerated() {
		t.Run(k.name, func(t *testing.T) {
			h := newHarness(t, 4, smallArena)
			check := func(size, count, gap, off, spare int) {
				h.Helper()
				g := packing{
					half: (count*size/2+31)/32*32 + spare, rows: 1 + h.rng.IntN(2),
					off: off, step: size + gap, size: size, count: count,
				}
				g.half = max(g.half, 32)
				p := place(h.rng.IntN(int(places)))
				h.checkPack(k, p, g)
				h.checkUnpack(k, p, g)
			}
			for size := 2; size <= 190; size += 2 {
				for _, count := range []int{1, 2, 3, 8 + h.rng.IntN(33)} {
					check(size, count, 0, 0, 0)
					check(size, count, 1+h.rng.IntN(200), h.rng.IntN(100), 32*h.rng.IntN(2))
				}
			}
			for count := range 41 {
				check(2, count, 0, 0, 0)
				check(6, count, 0, 3, 0)
			}
			for _, size := range []int{192, 256, 512, 1000, 1024, 4094, 4096} {
				check(size, 1, 0, 0, 0)
				check(size, 3, 0, 64, 0)
			}
		})
	}
}

func (h *harness) checkMul(k *kernels, p place, inPlace bool, n int, c Elem) {
	h.Helper()
	for _, f := range []struct {
		name string
		of   func(*kernels) func(dst, src unsafe.Pointer, n int, c Elem, tab unsafe.Pointer)
	}{
		{"mul", func(k *kernels) func(dst, src unsafe.Pointer, n int, c Elem, tab unsafe.Pointer) { return k.mul }},
		{"mulAdd", func(k *kernels) func(dst, src unsafe.Pointer, n int, c Elem, tab unsafe.Pointer) { return k.mulAdd }},
	} {
		h.refill(2)
		src := 1
		if inPlace {
			src = 0
		}
		f.of(k)(at(p.of(h.arenas[0].mem, n)), at(p.of(h.arenas[src].mem, n)), n, c, k.table())
		f.of(genericKernels)(at(p.of(h.arenas[0].model, n)), at(p.of(h.arenas[src].model, n)), n, c, genericKernels.table())
		for i := range 2 {
			h.equal(i, "%s of %s: %d bytes by %#x, in place %v, %v", f.name, k.name, n, c, inPlace, p)
		}
	}
}

func (h *harness) checkDot(k *kernels, p place, off, n, count int) {
	h.Helper()
	h.refill(2)
	mem, model := make([][]byte, count+1), make([][]byte, count+1)
	for i := range count {
		// Sources overlap one another: they are only read.
		skip := h.rng.IntN(64)
		mem[i] = p.of(h.arenas[1].mem, off+n+skip)[skip:]
		model[i] = p.of(h.arenas[1].model, off+n+skip)[skip:]
	}
	c := unsafe.SliceData(h.elems(count))
	k.dot(at(p.of(h.arenas[0].mem, n)), &mem[0], off, n, c, count, k.table())
	genericKernels.dot(at(p.of(h.arenas[0].model, n)), &model[0], off, n, c, count, genericKernels.table())
	for i := range 2 {
		h.equal(i, "dot of %s: %d bytes at %d, %d sources, %v", k.name, n, off, count, p)
	}
}

func (h *harness) checkMulAddMany(k *kernels, p place, off, n, count int) {
	h.Helper()
	h.refill(2)
	mem, model := make([][]byte, count+1), make([][]byte, count+1)
	all, allModel := p.of(h.arenas[1].mem, (off+n)*count), p.of(h.arenas[1].model, (off+n)*count)
	for i := range count {
		mem[i], model[i] = all[i*(off+n):][:off+n], allModel[i*(off+n):][:off+n]
	}
	c := unsafe.SliceData(h.elems(count))
	k.mulAddMany(&mem[0], off, n, at(p.of(h.arenas[0].mem, n)), c, count, k.table())
	genericKernels.mulAddMany(&model[0], off, n, at(p.of(h.arenas[0].model, n)), c, count, genericKernels.table())
	for i := range 2 {
		h.equal(i, "mulAddMany of %s: %d bytes at %d, %d destinations, %v", k.name, n, off, count, p)
	}
}

// checkEncode compares the encoder of m rows of parity with the pure-Go one. Shards are
// of arena 1, parity in arena 0, each list one behind the other.
func (h *harness) checkEncode(k *kernels, p place, m, sources, off, n int) {
	h.Helper()
	h.refill(2)
	rows := fewRows(m)
	lists := func(arena int, count int) (mem, model [][]byte) {
		all, allModel := p.of(h.arenas[arena].mem, (off+n)*count), p.of(h.arenas[arena].model, (off+n)*count)
		for i := range count {
			mem, model = append(mem, all[i*(off+n):][:off+n]), append(model, allModel[i*(off+n):][:off+n])
		}
		// What the kernel may not look at.
		return append(mem, nil), append(model, nil)
	}
	base := rows * (1 + h.rng.IntN((subfield-rows-sources)/rows+1))
	dsts, modelDsts := lists(0, m)
	srcs, modelSrcs := lists(1, sources)
	run := func(k *kernels, dsts, srcs [][]byte, sums []byte) {
		// In one call, or in two with the sums between them in memory, at its end.
		first, from := 0, unsafe.Pointer(nil)
		if h.rng.IntN(2) == 0 && sources > rows {
			first, from = rows*(1+h.rng.IntN((sources-1)/rows)), at(atEnd.of(sums, rows*n))
			k.encoder(rows)(nil, 0, &srcs[0], first, base, off, n, nil, from, k.table())
		}
		k.encoder(rows)(&dsts[0], m, &srcs[first], sources-first, base+first, off, n, from, nil, k.table())
	}
	run(k, dsts, srcs, h.arenas[2].mem)
	run(genericKernels, modelDsts, modelSrcs, h.arenas[2].model)
	for i := range 2 {
		h.equal(i, "encode%d of %s: %d rows from %d at point %d, %d bytes at %d, %v, arena %d", rows, k.name, m, sources, base, n, off, p, i)
	}
}

func TestEncoders(t *testing.T) {
	for _, k := range accelerated() {
		t.Run(k.name, func(t *testing.T) {
			h := newHarness(t, 9, arenaSize)
			for m := 2; m <= 16; m++ {
				if k.encoder(fewRows(m)) == nil {
					continue
				}
				most := subfield - fewRows(m)
				for sources := 1; sources <= 40; sources++ {
					h.checkEncode(k, place(h.rng.IntN(int(places))), m, sources, h.rng.IntN(100), 64*(1+h.rng.IntN(5)))
				}
				for n := 64; n <= 20*64; n += 64 {
					h.checkEncode(k, place(h.rng.IntN(int(places))), m, 1+h.rng.IntN(40), h.rng.IntN(100), n)
				}
				h.checkEncode(k, atEnd, m, most, 0, 128)
				h.checkEncode(k, misaligned, m, most-1, 3, 64)
			}
		})
	}
}

func (h *harness) checkSum(k *kernels, p place, count, off, n int) {
	h.Helper()
	h.refill(2)
	mem, model := make([][]byte, count+1), make([][]byte, count+1)
	for i := range count {
		skip := h.rng.IntN(64)
		mem[i] = p.of(h.arenas[1].mem, off+n+skip)[skip:]
		model[i] = p.of(h.arenas[1].model, off+n+skip)[skip:]
	}
	k.sum(at(p.of(h.arenas[0].mem, n)), &mem[0], count, off, n)
	genericKernels.sum(at(p.of(h.arenas[0].model, n)), &model[0], count, off, n)
	for i := range 2 {
		h.equal(i, "sum of %s: %d bytes at %d, %d sources, %v", k.name, n, off, count, p)
	}
}

func (h *harness) checkXor(k *kernels, p place, n int) {
	h.Helper()
	h.refill(2)
	k.xor(at(p.of(h.arenas[0].mem, n)), at(p.of(h.arenas[1].mem, n)), n)
	genericKernels.xor(at(p.of(h.arenas[0].model, n)), at(p.of(h.arenas[1].model, n)), n)
	for i := range 2 {
		h.equal(i, "xor of %s: %d bytes, %v", k.name, n, p)
	}
}

func TestRegionKernels(t *testing.T) {
	for _, k := range accelerated() {
		t.Run(k.name, func(t *testing.T) {
			h := newHarness(t, 5, smallArena)
			for blocks := range 41 {
				p := place(blocks % int(places))
				for _, c := range append(h.elems(1), 0, 1) {
					h.checkMul(k, p, blocks%2 == 0, 64*blocks, c)
				}
				for _, count := range []int{0, 1, h.rng.IntN(21)} {
					if blocks > 0 {
						h.checkDot(k, p, h.rng.IntN(200), 64*blocks, count)
						h.checkMulAddMany(k, p, h.rng.IntN(200), 64*blocks, count)
					}
					h.checkSum(k, p, 1+count, h.rng.IntN(200), 64*blocks)
				}
			}
			for n := range 300 {
				h.checkXor(k, place(n%int(places)), n)
			}
		})
	}
}

// A planar row of half 32 is a natural block, and packing whole blocks is what
// lays a region out in planes.
func TestPlanarAndNaturalProductsAgree(t *testing.T) {
	const n, c = 448, Elem(0xBEEF)
	for _, k := range append(accelerated(), genericKernels) {
		h := newHarness(t, 6, arenaSize)
		h.refill(3)
		natural, planar, back := h.arenas[0].mem[:n], h.arenas[1].mem[:n], h.arenas[2].mem[:n]
		coeff := c
		k.pack(at(planar), n/2, &natural, 1, 0, n, n, 1)
		k.scale(at(planar), at(planar), n/2, 1, &coeff, k.table())
		k.unpack(&back, 1, 0, n, n, 1, at(planar), n/2)
		k.mul(at(natural), at(natural), n, c, k.table())
		if !bytes.Equal(natural, back) {
			t.Errorf("%s: a product depends on the layout", k.name)
		}
		coeffs := []Elem{c, c, c, c, c, c, c}
		k.scale(at(planar), at(natural), 32, n/64, unsafe.SliceData(coeffs), k.table())
		k.mul(at(natural), at(natural), n, c, k.table())
		if !bytes.Equal(natural, planar) {
			t.Errorf("%s: a row of half 32 is not scaled as a block", k.name)
		}
	}
}

// FuzzKernels runs one kernel of one backend with arbitrary arguments, taken
// modulo what their types allow.
func FuzzKernels(f *testing.F) {
	for kernel := range uint8(18) {
		f.Add(uint64(kernel), kernel, kernel, uint16(kernel), uint16(3), uint16(5))
	}
	f.Fuzz(func(t *testing.T, seed uint64, backend, kernel uint8, a, b, c uint16) {
		all := accelerated()
		if len(all) == 0 {
			t.Skip("no backend but generic")
		}
		k := all[int(backend)%len(all)]
		h := newHarness(t, seed, arenaSize)
		p, inPlace := place(seed%uint64(places)), seed>>8&1 == 0
		if kernel %= 18; int(kernel) < len(passKernels) {
			f := passKernels[kernel]
			if f.of(k) == nil {
				t.Skip("this backend has no such kernel")
			}
			half, dist := 32+32*(int(a)%12), 1+int(b)%5
			groups := arenaSize / (2 * half * f.radix * dist) % 4
			h.checkTransform(k, f, p, inPlace && !f.add, half, dist, groups, f.radix*(int(c)%(Order/f.radix-4)))
			return
		}
		switch int(kernel) - len(passKernels) {
		case 0:
			h.checkScale(k, p, inPlace, 32+32*(int(a)%12), int(b)%16)
		case 1:
			g := packing{rows: int(seed>>16) % 3, size: 2 + 2*(int(a)%300), count: int(b) % 50, off: int(seed>>24) % 200}
			g.step = g.size
			if !inPlace {
				g.step += int(c) % 300
			}
			g.half = max(32, (g.size*g.count/2+31)/32*32)
			h.checkPack(k, p, g)
			h.checkUnpack(k, p, g)
		case 2:
			h.checkMul(k, p, inPlace, 64*(int(a)%50), Elem(b))
		case 3:
			h.checkDot(k, p, int(c)%300, 64+64*(int(a)%40), int(b)%20)
			h.checkMulAddMany(k, p, int(c)%300, 64+64*(int(a)%40), int(b)%20)
		case 4:
			h.checkXor(k, p, int(a))
		case 5:
			if k.fft8 == nil {
				t.Skip("this backend has no such kernel")
			}
			half := 32 + 32*(int(a)%12)
			h.checkOctets(k, p, half, int(seed>>24)%70, 1+int(b)%3, 8*(int(c)%(Order/8-4)), int(seed>>16)%20)
		case 6:
			if k.fused8 == nil {
				t.Skip("this backend has no such kernel")
			}
			h.checkFused8(k, p, inPlace, h.fused8Call(32+32*(int(a)%12)))
		case 7:
			m := 2 + int(b)%15
			if k.encoder(fewRows(m)) == nil {
				t.Skip("this backend has no such kernel")
			}
			h.checkEncode(k, p, m, 1+int(c)%(subfield-fewRows(m)), int(seed>>16)%100, 64+64*(int(a)%8))
		case 8:
			h.checkSum(k, p, 1+int(b)%20, int(c)%200, 64*(int(a)%40))
		}
	})
}
