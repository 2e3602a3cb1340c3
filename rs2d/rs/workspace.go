package rs

import (
	"fmt"
	"unsafe"

	"github.com/redstuff-go/redstuff/gf"
)

// Symbols says where the words of a strip are in a list of shards: Count symbols of
// Size bytes each, at Off, Off+Step, … of every shard. Within a symbol words stand
// as format RS2 has it: 64-byte blocks of 32 low and 32 high bytes, then a tail of
// low and high halves. A run of whole blocks of a longer symbol is a symbol too.
//
// Where shards are written, a nil shard is one that nobody wants.
type Symbols struct {
	Shards                 [][]byte
	Off, Step, Size, Count int
}

// half returns the half of the planar row that the symbols of one shard fill.
func (s *Symbols) half() int {
	return (s.Size*s.Count/2 + gf.RowAlign - 1) &^ (gf.RowAlign - 1)
}

// Workspace codes strips: the words of all shards at some positions, few enough
// for the work on them to stay in cache. It holds the memory that this takes, which
// grows to at most eight times the smaller power of two at or above one side of the
// code, times the half of the widest strip. A Workspace is not safe for concurrent
// use, and after its first strips allocates nothing.
type Workspace struct {
	c    *Codec
	rows [4][]byte
	tail tailSpace
	few  []byte // work of gf.Engine.EncodeFew

	recoding gf.Recoding // what Encode asks the engine for: here it is not allocated

	wanted [][]byte // where rows go, with a dummy for those that nobody wants, or come from
	dummy  []byte

	// stream says that encoded shards are larger than any cache, so that parity is
	// better stored past them.
	stream bool
	// ahead is where the shards' part ends of which the next strip's data should come
	// into the caches while one strip is worked on, or 0.
	ahead int
}

// NewWorkspace returns an empty workspace of the codec.
func (c *Codec) NewWorkspace() *Workspace { return &Workspace{c: c} }

// StripSize returns how many bytes of every shard a strip should have for the work
// on it to stay in a core's cache: a multiple of 64.
func (c *Codec) StripSize() int {
	inner := blockBytes / min(c.code.c, blockRows)
	outer := max(stripBytes/(2*c.code.c), minStrip)
	return min(inner, outer, maxStrip) &^ (gf.BlockSize - 1)
}

const (
	// The transforms end (and begin) with passes over blocks of 64 rows, which
	// should fit the L1 cache.
	blockRows, blockBytes = 64, 24 << 10
	// stripBytes is what the rows of both sides of a strip may take: an L2 cache.
	stripBytes = 1 << 20
	// Narrower strips cost more in constants than they gain in cache, wider ones
	// gain nothing.
	minStrip, maxStrip = 128, 4096
	// maxWide bytes are the rows of wide strips. It is no multiple of a page's simple
	// fractions, so that the eight rows of a pass are in different sets of the caches:
	// rows of 4096 bytes, which share sets, take a fifth longer, and those of 2048 a
	// twentieth.
	maxWide = 5504
	// wideBytes is what the rows of a transform may take in a wide strip: more than an
	// L2 cache, and a small part of the last one.
	wideBytes = 512 * maxWide
	// Blocks of at most wideSmall rows have strips of maxWideSmall bytes: their rows
	// stay in an L2 cache then, and rows of 22 lines are spread over its sets.
	wideSmall, maxWideSmall = 128, 22 * gf.BlockSize
	// aheadEach is how many shards' next strip is fetched for every eight rows that a
	// pass works on: there are fewer than three shards to one such step.
	aheadEach = 3
)

// wideStrip is StripSize for encoding shards that are far apart, in memory or the last
// cache: what a visit to each of their pages costs is then more than rows which leave
// the L1 cache.
func (c *Codec) wideStrip() int {
	if c.smallBlocks() {
		return maxWideSmall
	}
	return max(c.StripSize(), min(wideBytes/c.recodeSize, maxWide)&^(gf.BlockSize-1))
}

// smallBlocks reports whether data is outside, in blocks of few rows of which there are
// several, or which the engine recodes.
func (c *Codec) smallBlocks() bool {
	return !c.low && c.code.c <= wideSmall && (c.k >= 4*c.code.c || c.recodeSize > 0)
}

// page is what addresses are equal modulo if they share a set of the L1 cache.
const page = 4 << 10

// region returns region i as c planar rows. Those of the regions that work is done on
// together are apart in the caches: rows of 64·2^i are so many pages from one another
// that a pass over eight fills a set of the L1 cache.
func (w *Workspace) region(i, half int) []byte {
	n := 2 * half * w.c.code.c
	if len(w.rows[i]) < n {
		mem := make([]byte, n+page)
		skip := (i*page/2 - int(uintptr(unsafe.Pointer(unsafe.SliceData(mem))))) & (page - 1)
		w.rows[i] = mem[skip:][:n]
	}
	return w.rows[i][:n]
}

// Encode computes parity symbols from data symbols. data has all k data shards,
// parity the m parity shards, nil where one is not wanted; both have the same Size
// and Count. No parity shard overlaps a data shard.
func (w *Workspace) Encode(parity, data Symbols) {
	w.check("Encode", &parity, &data, w.c.m, w.c.k)
	wanted := lastWanted(parity.Shards)
	half := data.half()
	if wanted == 0 || half == 0 {
		return
	}
	if whole := data.blocks() && allWanted(parity.Shards); whole && w.c.few && parity.Off == data.Off {
		if w.few == nil {
			w.few = make([]byte, gf.FewWork)
		}
		w.c.engine.EncodeFew(parity.Shards, data.Shards, data.Off, data.Size, w.few)
		return
	} else if whole && w.c.recodeSize > 0 {
		w.recode(&parity, &data, half)
		return
	}
	if !w.c.low {
		acc := w.sumBlocks(&data, nil, half)
		w.evaluate(parity.Shards[:wanted], &parity, acc, acc, half, 0)
		return
	}
	c := w.c.code.c
	coeffs := w.region(0, half)
	w.interpolate(coeffs, coeffs, data.Shards, &data, half, 0)
	for first := 0; first < wanted; first += c {
		n := min(c, wanted-first)
		out := coeffs
		if first+c < wanted {
			out = w.region(1, half)
		}
		w.evaluate(parity.Shards[first:first+n], &parity, out, coeffs, half, c+first)
	}
}

// recode is Encode where the engine takes inverse and transform as one.
func (w *Workspace) recode(parity, data *Symbols, half int) {
	c := w.c.code.c
	r := &w.recoding
	*r = gf.Recoding{
		Half: half, Size: w.c.recodeSize,
		Srcs: data.Shards, SrcOff: data.Off, SrcBase: c,
		Dsts: parity.Shards, DstOff: parity.Off, Factors: w.c.factors,
		Stream: w.stream,
	}
	if w.c.low {
		r.SrcBase, r.DstBase = 0, c
	}
	r.Sum = w.region(0, half)
	r.Work = r.Sum
	if max(w.c.k, w.c.m) > r.Size {
		r.Work = w.region(1, half)
	}
	if next := data.Off + data.Size; next < w.ahead {
		r.Ahead = gf.Ahead{Regions: data.Shards, Off: next, Each: aheadEach}
	}
	w.c.engine.Recode(r)
	*r = gf.Recoding{}
}

// sumBlocks leaves in region 0 the coefficients that the outer blocks of data add up
// to. Blocks whose shards are all in lost, ascending, are left out.
func (w *Workspace) sumBlocks(data *Symbols, lost []int, half int) []byte {
	c := w.c.code.c
	acc := w.region(0, half)
	work := acc
	for first := 0; first < w.c.k; first += c {
		n := min(c, w.c.k-first)
		gone := 0
		for gone < len(lost) && lost[gone] < first+n {
			gone++
		}
		lost = lost[gone:]
		if gone < n {
			w.interpolate(acc, work, data.Shards[first:first+n], data, half, c+first)
			work = w.region(1, half)
		}
	}
	return acc
}

// blocks reports whether the symbols are natural regions: one run of whole blocks.
func (s *Symbols) blocks() bool { return s.Count == 1 && s.Size%gf.BlockSize == 0 }

// interpolate makes coefficients of the shards, the values at base, base+1, …, and
// stores them in dst, or adds them to it if it is not work.
func (w *Workspace) interpolate(dst, work []byte, shards [][]byte, s *Symbols, half, base int) {
	e, c := w.c.engine, w.c.code.c
	if s.blocks() {
		e.IFFTFrom(dst, work, half, c, base, shards, s.Off)
		return
	}
	w.pack(work, shards, s, half)
	if &dst[0] == &work[0] {
		e.IFFT(work, half, c, base, len(shards))
	} else {
		e.IFFTAdd(dst, work, half, c, base, len(shards))
	}
}

// evaluate computes the values of coefficients at base, base+1, … and stores them in
// the shards that are wanted. It works in work, which may be coeffs.
func (w *Workspace) evaluate(shards [][]byte, s *Symbols, work, coeffs []byte, half, base int) {
	e, c := w.c.engine, w.c.code.c
	if s.blocks() && allWanted(shards) {
		e.FFTTo(shards, s.Off, work, coeffs, half, c, base, w.stream)
		return
	}
	e.FFT(work, coeffs, half, c, base, len(shards))
	w.unpackRows(shards, s, work, half)
}

func (w *Workspace) pack(rows []byte, shards [][]byte, s *Symbols, half int) {
	w.c.engine.Pack(rows, half, shards, s.Off, s.Step, s.Size, s.Count)
}

// unpackRows stores the rows of the shards that are wanted. Shards that nobody wants
// are written to a dummy if they stand among others: a call for each run of wanted
// ones would cost more.
func (w *Workspace) unpackRows(shards [][]byte, s *Symbols, rows []byte, half int) {
	last := lastWanted(shards)
	if last == 0 {
		return
	}
	first := 0
	for shards[first] == nil {
		first++
	}
	shards = shards[first:last]
	rows = rows[2*half*first:]
	span := s.Step*(s.Count-1) + s.Size
	off := s.Off
	if !allWanted(shards) {
		if len(w.dummy) < span {
			w.dummy = make([]byte, span)
		}
		w.wanted = w.wanted[:0]
		for _, shard := range shards {
			if shard == nil {
				w.wanted = append(w.wanted, w.dummy)
			} else {
				w.wanted = append(w.wanted, shard[off:])
			}
		}
		shards, off = w.wanted, 0
	}
	w.c.engine.Unpack(shards, off, s.Step, s.Size, s.Count, rows, half)
	clear(w.wanted)
}

func allWanted(shards [][]byte) bool {
	for i := range shards {
		if shards[i] == nil {
			return false
		}
	}
	return true
}

// lastWanted returns the number of shards up to the last that is not nil.
func lastWanted(shards [][]byte) int {
	for i := len(shards); i > 0; i-- {
		if shards[i-1] != nil {
			return i
		}
	}
	return 0
}

func (w *Workspace) check(method string, dst, src *Symbols, dstShards, srcShards int) {
	if len(dst.Shards) != dstShards || len(src.Shards) != srcShards || dst.Size != src.Size || dst.Count != src.Count {
		panic(fmt.Sprintf("rs: %s: %d and %d shards with %d×%d and %d×%d bytes; want %d and %d shards of one shape", method,
			len(dst.Shards), len(src.Shards), dst.Count, dst.Size, src.Count, src.Size, dstShards, srcShards))
	}
}
