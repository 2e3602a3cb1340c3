package rscode

import (
	"bytes"
	"fmt"

	"github.com/redstuff-go/redstuff/internal/gf16"
)

// Workspace codes strips. It holds the memory that this takes. The memory grows to at most
// four regions, each of as many rows as the inner block of the code has points, and a row
// is as large as the widest strip of a shard; to verify takes such a strip of each parity
// shard besides. A Workspace is not safe for concurrent use, and after its first strips
// allocates nothing.
type Workspace struct {
	c    *Code
	rows planarRows
	sums sums
	few  []byte // work of gf16.FewEncoder
	made made

	fused gf16.BlockEncoding // what Encode asks the engine for: here it is not allocated

	// Stream says that encoded shards are larger than any cache, so that parity is better
	// stored past them.
	Stream bool
	// Prefetch is the offset in the shards up to which data is prefetched: while one strip
	// is worked on, the data of the next comes into the caches. It is 0 for none.
	Prefetch int
}

// Encode computes parity symbols from data symbols. data has all k data shards, parity the
// m parity shards, nil where one is not wanted; both have the same Size and Count. No
// parity shard overlaps a data shard.
func (w *Workspace) Encode(parity, data Symbols) {
	w.check("Encode", &parity, &data, w.c.Parity, w.c.Data)
	wanted := lastWanted(parity.Shards)
	planeBytes := data.planeBytes()
	if wanted == 0 || planeBytes == 0 {
		return
	}
	if whole := data.blocks() && allWanted(parity.Shards); whole && w.c.Few != nil && parity.Off == data.Off {
		w.encodeFew(parity.Shards, data.Shards, data.Off, data.Size)
		return
	} else if whole && w.c.fusedSize > 0 {
		w.encodeFused(&parity, &data, planeBytes, w.Stream)
		return
	}
	r := &w.rows
	if !w.c.Low {
		sum := r.sumBlocks(&data, nil, planeBytes)
		r.evaluate(parity.Shards[:wanted], &parity, sum, sum, planeBytes, 0, w.Stream)
		return
	}
	c := w.c.Inner
	coeffs := r.region(0, planeBytes)
	r.interpolate(coeffs, coeffs, data.Shards, &data, planeBytes, 0)
	for first := 0; first < wanted; first += c {
		n := min(c, wanted-first)
		out := coeffs
		if first+c < wanted {
			out = r.region(1, planeBytes)
		}
		r.evaluate(parity.Shards[first:first+n], &parity, out, coeffs, planeBytes, c+first, w.Stream)
	}
}

// encodeFew is Encode with all rows of a block in registers.
func (w *Workspace) encodeFew(parity, data [][]byte, off, size int) {
	if w.few == nil {
		w.few = make([]byte, gf16.FewWork)
	}
	w.c.Few.Encode(parity, data, off, size, w.few)
}

// prefetchEach is how many shards' next strip is prefetched for every eight rows that a
// pass works on: there are fewer than three shards to one such step.
const prefetchEach = 3

// encodeFused is Encode where the engine fuses the inverse transforms with the transforms.
func (w *Workspace) encodeFused(parity, data *Symbols, planeBytes int, stream bool) {
	c := w.c.Inner
	f := &w.fused
	*f = gf16.BlockEncoding{
		PlaneBytes: planeBytes, Size: w.c.fusedSize,
		Srcs: data.Shards, SrcOff: data.Off, SrcBase: c,
		Dsts: parity.Shards, DstOff: parity.Off, Factors: w.c.factors,
		Stream: stream,
	}
	if w.c.Low {
		f.SrcBase, f.DstBase = 0, c
	}
	f.Sum = w.rows.region(0, planeBytes)
	f.Work = f.Sum
	if max(w.c.Data, w.c.Parity) > f.Size {
		f.Work = w.rows.region(1, planeBytes)
	}
	if next := data.Off + data.Size; next < w.Prefetch {
		f.Prefetch = gf16.Prefetch{Regions: data.Shards, Off: next, Each: prefetchEach}
	}
	w.c.Engine.EncodeBlocks(f)
	*f = gf16.BlockEncoding{}
}

// Verify reports whether the parity symbols are those of the data symbols. Its arguments
// are those of Encode, but that all parity shards must be there.
func (w *Workspace) Verify(parity, data Symbols) bool {
	w.check("Verify", &parity, &data, w.c.Parity, w.c.Data)
	r, e, c, planeBytes := &w.rows, w.c.Engine, w.c.Inner, data.planeBytes()
	if planeBytes == 0 {
		return true
	}
	if data.blocks() && (w.c.Few != nil || w.c.fusedSize > 0) {
		return w.verifyBlocks(&parity, &data, planeBytes)
	}
	if !w.c.Low {
		sum := r.sumBlocks(&data, nil, planeBytes)
		e.FFT(sum, sum, planeBytes, c, 0, w.c.Parity)
		return r.equal(parity.Shards, &parity, sum, planeBytes)
	}
	coeffs := r.region(0, planeBytes)
	r.interpolate(coeffs, coeffs, data.Shards, &data, planeBytes, 0)
	for first := 0; first < w.c.Parity; first += c {
		n := min(c, w.c.Parity-first)
		values := r.region(1, planeBytes)
		e.FFT(values, coeffs, planeBytes, c, c+first, n)
		if !r.equal(parity.Shards[first:first+n], &parity, values, planeBytes) {
			return false
		}
	}
	return true
}

// made is parity that is made to be compared, and what it is made from.
type made struct {
	memory       []byte
	parity, data [][]byte
}

// verifyBlocks is Verify of whole blocks, for codes that encode those in fewer passes than
// it takes to bring the parity into rows: it encodes once more and compares.
func (w *Workspace) verifyBlocks(parity, data *Symbols, planeBytes int) bool {
	m, size := &w.made, data.Size
	m.memory, m.parity = resize(m.memory, len(parity.Shards)*size), m.parity[:0]
	for i := range parity.Shards {
		m.parity = append(m.parity, m.memory[i*size:][:size])
	}
	if w.c.Few != nil {
		for _, shard := range data.Shards {
			m.data = append(m.data, shard[data.Off:])
		}
		w.encodeFew(m.parity, m.data, 0, size)
		clear(m.data)
		m.data = m.data[:0]
	} else {
		w.encodeFused(&Symbols{Shards: m.parity, Size: size, Count: 1}, data, planeBytes, false)
	}
	for i, shard := range parity.Shards {
		if !bytes.Equal(shard[parity.Off:][:size], m.parity[i]) {
			return false
		}
	}
	return true
}

// Reconstruct computes missing shards. src has all shards. Those that the pattern does not
// use are zero, see [Pattern.Sources], or anything if it is a pattern of sums. dst has all
// shards too, and those that are not nil are written. They must be wanted ones of the
// pattern, and overlap no source. It panics if p is nil or of another code's number of
// shards.
//
// A pattern of many wanted shards restores data only: to have parity back as well, encode
// once all the data is there. [Pattern.Restores] tells.
func (w *Workspace) Reconstruct(p *Pattern, dst, src Symbols) {
	if p == nil {
		panic("rscode: Workspace.Reconstruct by a nil *Pattern")
	}
	n := w.c.Total()
	if p.shards != n {
		panic(fmt.Sprintf("rscode: Workspace.Reconstruct by a pattern of %d shards; the code has %d", p.shards, n))
	}
	w.check("Reconstruct", &dst, &src, n, n)
	switch planeBytes := src.planeBytes(); {
	case planeBytes == 0 || len(p.targets) == 0:
	case p.sums != nil:
		w.sums.compute(w.c, p, &dst, &src)
	case len(p.lost) == 0:
	case w.c.Low:
		w.rows.reconstructLow(p, &dst, &src, planeBytes)
	default:
		w.rows.reconstructHigh(p, &dst, &src, planeBytes)
	}
}

func (w *Workspace) check(method string, dst, src *Symbols, dstShards, srcShards int) {
	if len(dst.Shards) != dstShards || len(src.Shards) != srcShards || dst.Size != src.Size || dst.Count != src.Count {
		panic(fmt.Sprintf("rscode: %s: %d and %d shards with %d×%d and %d×%d bytes; want %d and %d shards of one shape", method,
			len(dst.Shards), len(src.Shards), dst.Count, dst.Size, src.Count, src.Size, dstShards, srcShards))
	}
}
