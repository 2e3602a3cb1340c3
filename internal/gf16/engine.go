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
	k      *kernels
	tab    unsafe.Pointer // constants for natural regions
	rowTab unsafe.Pointer // constants for planar rows
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
	e := &Engine{k: watched(k), tab: k.table()}
	e.rowTab = e.tab
	if k.toTower != nil {
		e.rowTab = k.rowTable()
	}
	return e, nil
}

// Backend returns the name of the engine's backend.
func (e *Engine) Backend() string { return e.k.name }

// RowAlign is the number of bytes that the half of a planar row is a multiple of.
const RowAlign = 32

// Pack lays words of symbols out in planar rows of the given half, a multiple of
// [RowAlign]. Row i of dst takes count symbols of size bytes (even) from srcs[i],
// at off, off+step, …; symbol s fills the words from s·size/2 on, so half must be
// at least count·size/2. What the words past those hold is not defined.
//
// Within a symbol, word e of a full 64-byte block is byte e (low) and byte 32+e
// (high); word e of a tail of t bytes is byte e and byte t/2+e. In a planar row of
// half h word e takes up byte e and byte h+e, in coordinates that are the backend's
// own: rows may be added with [Engine.Xor] and compared, but not read.
func (e *Engine) Pack(dst []byte, half int, srcs [][]byte, off, step, size, count int) {
	if len(srcs) == 0 || size == 0 || count == 0 {
		return
	}
	checkRows("Pack", dst, half, len(srcs))
	checkSymbols("Pack", srcs, half, off, step, size, count)
	e.pack(unsafe.Pointer(&dst[0]), half, srcs, off, step, size, count)
}

func (e *Engine) pack(dst unsafe.Pointer, half int, srcs [][]byte, off, step, size, count int) {
	e.k.pack(dst, half, &srcs[0], len(srcs), off, step, size, count)
	if e.k.toTower != nil {
		e.k.toTower(dst, half, len(srcs), e.rowTab)
	}
}

// Unpack is the inverse of [Engine.Pack]: it writes the symbols to dsts and
// touches no other byte there. What is left in src is not defined.
func (e *Engine) Unpack(dsts [][]byte, off, step, size, count int, src []byte, half int) {
	if len(dsts) == 0 || size == 0 || count == 0 {
		return
	}
	checkRows("Unpack", src, half, len(dsts))
	checkSymbols("Unpack", dsts, half, off, step, size, count)
	e.unpack(dsts, off, step, size, count, unsafe.Pointer(&src[0]), half)
}

func (e *Engine) unpack(dsts [][]byte, off, step, size, count int, src unsafe.Pointer, half int) {
	if e.k.toTower != nil {
		e.k.toTower(src, half, len(dsts), e.rowTab)
	}
	e.k.unpack(&dsts[0], len(dsts), off, step, size, count, src, half)
}

// Scale multiplies planar row i of src by coeffs[i] into row i of dst. dst and src
// are the same rows or do not overlap.
func (e *Engine) Scale(dst, src []byte, half int, coeffs []Elem) {
	if len(coeffs) == 0 {
		return
	}
	checkRows("Scale", dst, half, len(coeffs))
	checkRows("Scale", src, half, len(coeffs))
	e.k.scale(unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), half, len(coeffs), &coeffs[0], e.rowTab)
}

func checkRows(method string, b []byte, half, rows int) {
	if half <= 0 || half%RowAlign != 0 {
		panic(fmt.Sprintf("gf: %s: the half of a planar row is %d bytes; it must be a positive multiple of %d", method, half, RowAlign))
	}
	if need := 2 * half * rows; len(b) < need {
		panic(fmt.Sprintf("gf: %s: %d planar rows of half %d take %d bytes, got %d", method, rows, half, need, len(b)))
	}
}

func checkSymbols(method string, shards [][]byte, half, off, step, size, count int) {
	if size < 0 || size%2 != 0 || count < 0 || off < 0 || step < 0 || count*size/2 > half {
		panic(fmt.Sprintf("gf: %s: %d symbols of %d bytes at %d step %d do not fit a planar row of half %d", method, count, size, off, step, half))
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
