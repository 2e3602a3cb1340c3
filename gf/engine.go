package gf

import "github.com/redstuff-go/redstuff/internal/gf16"

// Backends lists the instruction sets that this CPU and build can run, best first. The
// last is always "generic", which is pure Go.
func Backends() []string { return gf16.Backends() }

// BlockSize is the unit of the natural layout, in bytes: a natural region is a run of
// whole blocks, and word e of a block is byte e (low) and byte 32+e (high).
const BlockSize = gf16.BlockSize

// RowAlign is what the size of a plane of a planar row is a multiple of, in bytes.
const RowAlign = gf16.RowAlign

// Engine is the arithmetic of GF(2^16) on one backend. It is immutable and safe for
// concurrent use. No method allocates. A method panics if its arguments contradict each
// other or if a region is too short, and with an *[OverlapError] if regions overlap that
// must not.
type Engine struct {
	engine *gf16.Engine
}

// NewEngine returns the engine of the backend with the given name. An empty name stands
// for the one that the environment variable REDSTUFF_CPU names, or else for the best.
// The error lists what is supported here.
//
// The first engine of a kind builds two tables that all later ones share: of 2 MiB for
// the backends with GFNI, of 8 MiB for the others.
func NewEngine(backend string) (*Engine, error) {
	engine, err := gf16.NewEngine(backend)
	if err != nil {
		return nil, err
	}
	return &Engine{engine}, nil
}

// Backend returns the name of the engine's backend.
func (e *Engine) Backend() string { return e.engine.Backend() }

// MulAdd adds c·src to dst: natural regions of the same length, a multiple of
// [BlockSize]. dst and src are the same region or do not overlap.
func (e *Engine) MulAdd(dst, src []byte, c Elem) {
	checkSame("MulAdd", dst, src)
	e.engine.MulAdd(dst, src, c)
}

// Mul stores c·src in dst, under the rules of [Engine.MulAdd].
func (e *Engine) Mul(dst, src []byte, c Elem) {
	checkSame("Mul", dst, src)
	e.engine.Mul(dst, src, c)
}

// Xor adds src to dst: regions of the same length, whatever it is. dst and src are the
// same region or do not overlap.
func (e *Engine) Xor(dst, src []byte) {
	checkSame("Xor", dst, src)
	e.engine.Xor(dst, src)
}

// Dot adds the sum of coeffs[i]·srcs[i][off:off+len(dst)] to dst: many sources into one
// output. len(dst) is a multiple of [BlockSize]. dst overlaps no source.
func (e *Engine) Dot(dst []byte, srcs [][]byte, off int, coeffs []Elem) {
	checkApart("Dot", dst, srcs, off, len(dst))
	e.engine.Dot(dst, srcs, off, coeffs)
}

// Pack lays words of symbols out in planar rows of two planes of planeBytes each, a
// multiple of [RowAlign]. Row i of dst takes count symbols of size bytes (even) from
// srcs[i], at off, off+step, …; symbol s fills the words from s·size/2 on, so planeBytes
// must be at least count·size/2. What the words past those hold is not defined. dst
// overlaps no source.
//
// Within a symbol, word e of a full 64-byte block is byte e (low) and byte 32+e (high);
// word e of a tail of t bytes is byte e and byte t/2+e. In a planar row word e takes up
// byte e and byte planeBytes+e, in coordinates that are the backend's own: rows may be
// added with [Engine.Xor] and compared, but not read.
func (e *Engine) Pack(dst []byte, planeBytes int, srcs [][]byte, off, step, size, count int) {
	checkApart("Pack", rows(dst, planeBytes, len(srcs)), srcs, off, (count-1)*step+size)
	e.engine.Pack(dst, planeBytes, srcs, off, step, size, count)
}

// Unpack is the inverse of [Engine.Pack]: it writes the symbols to dsts and touches no
// other byte there. What is left in src is not defined. No destination overlaps src.
func (e *Engine) Unpack(dsts [][]byte, off, step, size, count int, src []byte, planeBytes int) {
	checkApart("Unpack", rows(src, planeBytes, len(dsts)), dsts, off, (count-1)*step+size)
	e.engine.Unpack(dsts, off, step, size, count, src, planeBytes)
}

// Scale multiplies planar row i of src by coeffs[i] into row i of dst. dst and src are
// the same rows or do not overlap.
func (e *Engine) Scale(dst, src []byte, planeBytes int, coeffs []Elem) {
	checkSame("Scale", rows(dst, planeBytes, len(coeffs)), rows(src, planeBytes, len(coeffs)))
	e.engine.Scale(dst, src, planeBytes, coeffs)
}

// FFT evaluates polynomials. src is size planar rows (size a power of two), row i the
// coefficients of X_i, see S.-J. Lin, W.-H. Chung and Y. S. Han, "Novel polynomial basis
// and its application to Reed–Solomon erasure codes", FOCS 2014; the word at each
// position is a polynomial of its own. Row i of dst becomes the values at the point
// base+i, for i < out. base is a multiple of size. dst has room for size rows too, and
// those from out on are left undefined. dst and src are the same rows or do not overlap.
func (e *Engine) FFT(dst, src []byte, planeBytes, size, base, out int) {
	checkSame("FFT", rows(dst, planeBytes, size), rows(src, planeBytes, size))
	e.engine.FFT(dst, src, planeBytes, size, base, out)
}

// IFFT interpolates: the inverse of [Engine.FFT], in place. Row i of work holds the
// values at base+i for i < in; those from in to size are taken as zero, whatever they
// hold. All size rows become coefficients.
func (e *Engine) IFFT(work []byte, planeBytes, size, base, in int) {
	e.engine.IFFT(work, planeBytes, size, base, in)
}
