package rs

import (
	"fmt"

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
}

// NewWorkspace returns an empty workspace of the codec.
func (c *Codec) NewWorkspace() *Workspace { return &Workspace{c: c} }

// StripSize returns how many bytes of every shard a strip should have for the work
// on it to stay in a core's cache: a multiple of 64.
func (c *Codec) StripSize() int {
	return min(max(stripBytes/(3*c.code.c), 64), maxStrip) &^ 63
}

const (
	// stripBytes is what the planar rows of a strip may take: most of an L2 cache.
	stripBytes = 768 << 10
	// maxStrip bounds strips of codes of few shards; wider ones gain nothing.
	maxStrip = 4096
)

// region returns region i as c planar rows.
func (w *Workspace) region(i, half int) []byte {
	n := 2 * half * w.c.code.c
	if len(w.rows[i]) < n {
		w.rows[i] = make([]byte, n)
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
	if !w.c.low {
		acc := w.encodeHigh(&data, nil, half, wanted)
		w.unpackRows(parity.Shards[:wanted], &parity, acc, half)
		return
	}
	e, c := w.c.engine, w.c.code.c
	coeffs := w.region(0, half)
	w.pack(coeffs, data.Shards, &data, half)
	e.IFFT(coeffs, half, c, 0, w.c.k)
	for first := 0; first < wanted; first += c {
		n := min(c, wanted-first)
		out := coeffs
		if first+c < wanted {
			out = w.region(1, half)
		}
		e.FFT(out, coeffs, half, c, c+first, n)
		w.unpackRows(parity.Shards[first:first+n], &parity, out, half)
	}
}

// encodeHigh leaves the first out inner values of a high-rate code in region 0. Data
// shards in lost, ascending, count as zero.
func (w *Workspace) encodeHigh(data *Symbols, lost []int, half, out int) []byte {
	e, c := w.c.engine, w.c.code.c
	acc := w.region(0, half)
	started := false
	for first := 0; first < w.c.k; first += c {
		n := min(c, w.c.k-first)
		gone := 0
		for gone < len(lost) && lost[gone] < first+n {
			gone++
		}
		if gone < n {
			rows := acc
			if started {
				rows = w.region(1, half)
			}
			w.pack(rows, data.Shards[first:first+n], data, half)
			w.clearRows(rows, lost[:gone], first, half)
			if started {
				e.IFFTAdd(acc, rows, half, c, c+first, n)
			} else {
				e.IFFT(rows, half, c, c+first, n)
			}
			started = true
		}
		lost = lost[gone:]
	}
	e.FFT(acc, acc, half, c, 0, out)
	return acc
}

// clearRows zeroes the rows of the shards in lost, the first row being that of
// shard first.
func (w *Workspace) clearRows(rows []byte, lost []int, first, half int) {
	for _, i := range lost {
		clear(rows[2*half*(i-first):][:2*half])
	}
}

func (w *Workspace) pack(rows []byte, shards [][]byte, s *Symbols, half int) {
	w.c.engine.Pack(rows, half, shards, s.Off, s.Step, s.Size, s.Count)
}

// unpackRows stores the rows of the shards that are wanted, in runs.
func (w *Workspace) unpackRows(shards [][]byte, s *Symbols, rows []byte, half int) {
	for i := 0; i < len(shards); i++ {
		if shards[i] == nil {
			continue
		}
		first := i
		for i++; i < len(shards) && shards[i] != nil; i++ {
		}
		w.c.engine.Unpack(shards[first:i], s.Off, s.Step, s.Size, s.Count, rows[2*half*first:], half)
	}
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
