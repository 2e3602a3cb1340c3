package gf16

import (
	"fmt"
	"unsafe"

	"github.com/redstuff-go/redstuff/internal/cpu"
)

// Backends lists the instruction sets this CPU and build can run, best first.
// The last is always "generic", which is pure Go.
func Backends() []string { return cpu.Supported() }

// Engine is the arithmetic of GF(2^16) on one backend. It is immutable and safe
// for concurrent use. No method allocates.
type Engine struct {
	k    *kernels
	tab  unsafe.Pointer // constants for natural regions
	rows transforms
}

// NewEngine returns the engine of the backend with the given name. An empty name
// stands for the one that the environment variable REDSTUFF_CPU names, or else
// for the best. The error lists what is supported here.
//
// The first engine of a kind builds two tables that all later ones share: of 2 MiB
// for the backends with GFNI, of 8 MiB for the others.
func NewEngine(backend string) (*Engine, error) {
	name, err := cpu.Resolve(backend)
	if err != nil {
		return nil, fmt.Errorf("gf: %w", err)
	}
	k := kernelsOf(name)
	e := &Engine{k: instrumented(k), tab: k.table()}
	e.rows.passes = passes{k: e.k, tab: e.tab}
	if k.toTower != nil {
		e.rows.passes.tab = k.rowTable()
	}
	return e, nil
}

// Backend returns the name of the engine's backend.
func (e *Engine) Backend() string { return e.k.name }

// RowAlign is what the size of a plane of a planar row is a multiple of, in bytes.
const RowAlign = 32

// Pack lays words of symbols out in planar rows of two planes of planeBytes each, a
// multiple of [RowAlign]. Row i of dst takes count symbols of size bytes (even) from srcs[i],
// at off, off+step, …; symbol s fills the words from s·size/2 on, so planeBytes must be
// at least count·size/2. What the words past those hold is not defined.
//
// Within a symbol, word e of a full 64-byte block is byte e (low) and byte 32+e
// (high); word e of a tail of t bytes is byte e and byte t/2+e. In a planar row
// word e takes up byte e and byte planeBytes+e, in coordinates that are the backend's
// own: rows may be added with [Engine.Xor] and compared, but not read.
func (e *Engine) Pack(dst []byte, planeBytes int, srcs [][]byte, off, step, size, count int) {
	if len(srcs) == 0 || size == 0 || count == 0 {
		return
	}
	checkRows("Pack", dst, planeBytes, len(srcs))
	checkSymbols("Pack", srcs, planeBytes, off, step, size, count)
	e.rows.passes.pack(unsafe.Pointer(&dst[0]), planeBytes, srcs, off, step, size, count)
}

// Unpack is the inverse of [Engine.Pack]: it writes the symbols to dsts and
// touches no other byte there. What is left in src is not defined.
func (e *Engine) Unpack(dsts [][]byte, off, step, size, count int, src []byte, planeBytes int) {
	if len(dsts) == 0 || size == 0 || count == 0 {
		return
	}
	checkRows("Unpack", src, planeBytes, len(dsts))
	checkSymbols("Unpack", dsts, planeBytes, off, step, size, count)
	e.rows.passes.unpack(dsts, off, step, size, count, unsafe.Pointer(&src[0]), planeBytes)
}

// Scale multiplies planar row i of src by coeffs[i] into row i of dst. dst and src
// are the same rows or do not overlap.
func (e *Engine) Scale(dst, src []byte, planeBytes int, coeffs []Elem) {
	if len(coeffs) == 0 {
		return
	}
	checkRows("Scale", dst, planeBytes, len(coeffs))
	checkRows("Scale", src, planeBytes, len(coeffs))
	e.k.scale(unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), planeBytes, len(coeffs), &coeffs[0], e.rows.passes.tab)
}

// BlockSize is the natural layout's unit: regions are whole blocks, and word e of a
// block is byte e (low) and byte 32+e (high).
const BlockSize = 64

// MulAdd adds c·src to dst: natural regions of the same length, a multiple of
// [BlockSize]. dst and src are the same region or do not overlap.
func (e *Engine) MulAdd(dst, src []byte, c Elem) {
	if checkRegion("MulAdd", dst, len(src)) {
		e.k.mulAdd(unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), len(dst), c, e.tab)
	}
}

// Mul stores c·src in dst, under the rules of [Engine.MulAdd].
func (e *Engine) Mul(dst, src []byte, c Elem) {
	if checkRegion("Mul", dst, len(src)) {
		e.k.mul(unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), len(dst), c, e.tab)
	}
}

// Xor adds src to dst: regions of the same length, whatever it is, equal or not
// overlapping.
func (e *Engine) Xor(dst, src []byte) {
	if len(dst) != len(src) {
		panic(fmt.Sprintf("gf: Xor: regions of %d and %d bytes", len(dst), len(src)))
	}
	if len(dst) > 0 {
		e.k.xor(unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), len(dst))
	}
}

// Dot adds the sum of coeffs[i]·srcs[i][off:off+len(dst)] to dst: many sources into
// one output. len(dst) is a multiple of [BlockSize]; dst overlaps no source.
func (e *Engine) Dot(dst []byte, srcs [][]byte, off int, coeffs []Elem) {
	checkMany("Dot", srcs, off, len(dst), len(coeffs))
	if checkRegion("Dot", dst, len(dst)) && len(coeffs) > 0 {
		e.k.dot(unsafe.Pointer(&dst[0]), &srcs[0], off, len(dst), &coeffs[0], len(coeffs), e.tab)
	}
}

// MulAddMany adds coeffs[i]·src to dsts[i][off:off+len(src)]: one source into many
// outputs. len(src) is a multiple of [BlockSize]; src overlaps no destination.
func (e *Engine) MulAddMany(dsts [][]byte, off int, src []byte, coeffs []Elem) {
	checkMany("MulAddMany", dsts, off, len(src), len(coeffs))
	if checkRegion("MulAddMany", src, len(src)) && len(coeffs) > 0 {
		e.k.mulAddMany(&dsts[0], off, len(src), unsafe.Pointer(&src[0]), &coeffs[0], len(coeffs), e.tab)
	}
}

// GatherBlocks makes a natural block of the words of each source's tail: size bytes at
// off, at most [BlockSize] and even, word e being byte e and byte size/2+e. Block i of
// dst takes those of srcs[i]; what its words past size/2 hold is not defined.
func (e *Engine) GatherBlocks(dst []byte, srcs [][]byte, off, size int) {
	if len(srcs) == 0 || size == 0 {
		return
	}
	checkRows("GatherBlocks", dst, BlockSize/2, len(srcs))
	checkSymbols("GatherBlocks", srcs, BlockSize/2, off, 0, size, 1)
	e.k.pack(unsafe.Pointer(&dst[0]), BlockSize/2, &srcs[0], len(srcs), off, 0, size, 1)
}

// ScatterBlocks is the inverse of [Engine.GatherBlocks].
func (e *Engine) ScatterBlocks(dsts [][]byte, off, size int, src []byte) {
	if len(dsts) == 0 || size == 0 {
		return
	}
	checkRows("ScatterBlocks", src, BlockSize/2, len(dsts))
	checkSymbols("ScatterBlocks", dsts, BlockSize/2, off, 0, size, 1)
	e.k.unpack(&dsts[0], len(dsts), off, 0, size, 1, unsafe.Pointer(&src[0]), BlockSize/2)
}
