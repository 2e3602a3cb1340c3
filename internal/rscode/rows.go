package rscode

import (
	"bytes"
	"unsafe"

	"github.com/redstuff-go/redstuff/internal/gf16"
)

// planarRows are the rows of a strip, in the layout of package gf16, and the transforms
// that take shards to them and back. Rows lie in four regions, each as large as the inner
// block.
type planarRows struct {
	c       *Code
	regions [4][]byte

	list  [][]byte // where rows go, with a dummy for those that nobody wants, or come from
	dummy []byte
}

// page is the distance of addresses that share a set of the L1 cache, in bytes.
const page = 4 << 10

// region returns region i as rows. Regions begin in different sets of the L1 cache, because
// a pass may work on rows of two regions at a time, and eight rows of a power of two bytes
// fill a set by themselves.
func (r *planarRows) region(i, planeBytes int) []byte {
	n := 2 * planeBytes * r.c.Inner
	if len(r.regions[i]) < n {
		mem := make([]byte, n+page)
		skip := (i*page/2 - int(uintptr(unsafe.Pointer(unsafe.SliceData(mem))))) & (page - 1)
		r.regions[i] = mem[skip:][:n]
	}
	return r.regions[i][:n]
}

// sumBlocks leaves in region 0 the coefficients that the outer blocks of data add up to.
// Blocks whose shards are all in lost, ascending, are left out.
func (r *planarRows) sumBlocks(data *Symbols, lost []int, planeBytes int) []byte {
	c := r.c.Inner
	sum := r.region(0, planeBytes)
	work := sum
	for first := 0; first < r.c.Data; first += c {
		n := min(c, r.c.Data-first)
		gone := 0
		for gone < len(lost) && lost[gone] < first+n {
			gone++
		}
		lost = lost[gone:]
		if gone < n {
			r.interpolate(sum, work, data.Shards[first:first+n], data, planeBytes, c+first)
			work = r.region(1, planeBytes)
		}
	}
	return sum
}

// interpolate makes coefficients of the shards, the values at base, base+1, …, and
// stores them in dst, or adds them to it if it is not work.
func (r *planarRows) interpolate(dst, work []byte, shards [][]byte, s *Symbols, planeBytes, base int) {
	e, c := r.c.Engine, r.c.Inner
	if s.blocks() {
		e.IFFTFrom(dst, work, planeBytes, c, base, shards, s.Off)
		return
	}
	r.pack(work, shards, s, planeBytes)
	if &dst[0] == &work[0] {
		e.IFFT(work, planeBytes, c, base, len(shards))
	} else {
		e.IFFTAdd(dst, work, planeBytes, c, base, len(shards))
	}
}

// evaluate computes the values of coefficients at base, base+1, … and stores them in the
// shards that are wanted, past the caches if stream says so. It works in work, which may
// be coeffs.
func (r *planarRows) evaluate(shards [][]byte, s *Symbols, work, coeffs []byte, planeBytes, base int, stream bool) {
	e, c := r.c.Engine, r.c.Inner
	if s.blocks() && allWanted(shards) {
		e.FFTTo(shards, s.Off, work, coeffs, planeBytes, c, base, stream)
		return
	}
	e.FFT(work, coeffs, planeBytes, c, base, len(shards))
	r.unpack(shards, s, work, planeBytes)
}

func (r *planarRows) pack(rows []byte, shards [][]byte, s *Symbols, planeBytes int) {
	r.c.Engine.Pack(rows, planeBytes, shards, s.Off, s.Step, s.Size, s.Count)
}

// unpack stores the rows of the shards that are wanted. Shards that nobody wants are
// written to a dummy if they stand among others: a call for each run of wanted ones would
// cost more.
func (r *planarRows) unpack(shards [][]byte, s *Symbols, rows []byte, planeBytes int) {
	last := lastWanted(shards)
	if last == 0 {
		return
	}
	first := 0
	for shards[first] == nil {
		first++
	}
	shards = shards[first:last]
	rows = rows[2*planeBytes*first:]
	span := s.Step*(s.Count-1) + s.Size
	off := s.Off
	if !allWanted(shards) {
		if len(r.dummy) < span {
			r.dummy = make([]byte, span)
		}
		r.list = r.list[:0]
		for _, shard := range shards {
			if shard == nil {
				r.list = append(r.list, r.dummy)
			} else {
				r.list = append(r.list, shard[off:])
			}
		}
		shards, off = r.list, 0
	}
	r.c.Engine.Unpack(shards, off, s.Step, s.Size, s.Count, rows, planeBytes)
	clear(r.list)
}

// equal reports whether the rows hold the words of the shards.
func (r *planarRows) equal(shards [][]byte, s *Symbols, rows []byte, planeBytes int) bool {
	got := r.region(3, planeBytes)
	r.pack(got, shards, s, planeBytes)
	n := s.Size * s.Count / 2
	for i := range shards {
		a, b := got[2*planeBytes*i:][:2*planeBytes], rows[2*planeBytes*i:][:2*planeBytes]
		if !bytes.Equal(a[:n], b[:n]) || !bytes.Equal(a[planeBytes:planeBytes+n], b[planeBytes:planeBytes+n]) {
			return false
		}
	}
	return true
}

// Symbols says where the words of a strip are in a list of shards: Count symbols of Size
// bytes each, at Off, Off+Step, … of every shard. Within a symbol words stand as format
// RS2 has it: 64-byte blocks of 32 low and 32 high bytes, then a tail of low and high
// halves. A run of whole blocks of a longer symbol is a symbol too.
//
// Where shards are written, a nil shard is one that nobody wants.
type Symbols struct {
	Shards                 [][]byte
	Off, Step, Size, Count int
}

// planeBytes returns the size of a plane of the planar row that the symbols of one shard
// fill.
func (s *Symbols) planeBytes() int {
	return (s.Size*s.Count/2 + gf16.RowAlign - 1) &^ (gf16.RowAlign - 1)
}

// blocks reports whether the symbols are natural regions: one run of whole blocks.
func (s *Symbols) blocks() bool { return s.Count == 1 && s.Size%gf16.BlockSize == 0 }

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
