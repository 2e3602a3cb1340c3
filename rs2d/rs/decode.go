package rs

import (
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/gf"
)

// Reconstruct computes missing shards. src has all shards, those that the pattern
// does not use being zero, see [Pattern.Sources]; dst has all shards too, and those that
// are not nil are written. They must be wanted ones of the pattern, and overlap no source.
// It panics if p is nil or of another codec's number of shards.
//
// A pattern of many wanted shards restores data only: to have parity back as well,
// encode once all the data is there. [Pattern.Restores] tells.
func (w *Workspace) Reconstruct(p *Pattern, dst, src Symbols) {
	if p == nil {
		panic("rs: Workspace.Reconstruct by a nil *Pattern")
	}
	n := w.c.TotalShards()
	if p.shards != n {
		panic(fmt.Sprintf("rs: Workspace.Reconstruct by a pattern of %d shards; the codec has %d", p.shards, n))
	}
	w.check("Reconstruct", &dst, &src, n, n)
	switch half := src.half(); {
	case half == 0 || len(p.targets) == 0:
	case p.sums != nil:
		w.sum(p, &dst, &src)
	case len(p.lost) == 0:
	case w.c.low:
		w.reconstructLow(p, &dst, &src, half)
	default:
		w.reconstructHigh(p, &dst, &src, half)
	}
}

// Restores reports whether Reconstruct with this pattern computes the shard.
func (p *Pattern) Restores(shard int) bool {
	list := p.lost
	if p.sums != nil {
		list = p.targets
	}
	_, found := slices.BinarySearch(list, shard)
	return found
}

// reconstructLow has data inside and parity outside:
//
//	data there → coefficients → values at the used parity, plus that parity: τ(b)·r_b
//	· β_b/τ(b)² → coefficients, summed over the blocks → values inside · α_x
func (w *Workspace) reconstructLow(p *Pattern, dst, src *Symbols, half int) {
	e, c, k := w.c.engine, w.c.code.c, w.c.k
	someData := len(p.lost) < k
	if someData {
		coeffs := w.region(0, half)
		w.interpolate(coeffs, coeffs, src.Shards[:k], src, half, 0)
	}
	acc := w.region(1, half)
	rows := acc
	near := p.near
	for _, beta := range p.beta {
		n := len(beta.coeffs)
		used := 0
		for used < len(near) && near[used] < beta.first+n {
			used++
		}
		if someData {
			e.FFT(rows, w.rows[0], half, c, c+beta.first, n)
		}
		w.addParity(rows, src.Shards[k:], src, half, run{beta.first, beta.first + n}, near[:used], someData)
		near = near[used:]
		e.Scale(rows, rows, half, beta.coeffs)
		if &rows[0] == &acc[0] {
			e.IFFT(acc, half, c, c+beta.first, n)
		} else {
			e.IFFTAdd(acc, rows, half, c, c+beta.first, n)
		}
		rows = w.region(2, half)
	}
	alpha := p.alpha[0]
	e.FFT(acc, acc, half, c, 0, len(alpha.coeffs))
	e.Scale(acc, acc, half, alpha.coeffs)
	w.unpackRows(dst.Shards[:len(alpha.coeffs)], dst, acc, half)
}

// reconstructHigh has parity inside and data outside:
//
//	data there → parity of it, plus the used parity: r_b
//	· β_b → coefficients → values at the blocks of lost data: τ(x)·q_x/α_x · α_x/τ(x)²
func (w *Workspace) reconstructHigh(p *Pattern, dst, src *Symbols, half int) {
	e, c, k := w.c.engine, w.c.code.c, w.c.k
	beta := p.beta[0]
	n := len(beta.coeffs)
	rows := w.region(2, half)
	someData := len(p.lost) < k
	if someData {
		data := Symbols{Shards: src.Shards[:k], Off: src.Off, Step: src.Step, Size: src.Size, Count: src.Count}
		rows = w.sumBlocks(&data, p.lost, half)
		e.FFT(rows, rows, half, c, 0, n)
	}
	w.addParity(rows, src.Shards[k:], src, half, run{0, n}, p.near, someData)
	e.Scale(rows, rows, half, beta.coeffs)
	e.IFFT(rows, half, c, 0, n)
	for i, alpha := range p.alpha {
		n := len(alpha.coeffs)
		out := rows
		if i < len(p.alpha)-1 {
			out = w.region(1, half)
		}
		e.FFT(out, rows, half, c, c+alpha.first, n)
		e.Scale(out, out, half, alpha.coeffs)
		w.unpackRows(dst.Shards[alpha.first:alpha.first+n], dst, out, half)
	}
}

// addParity adds parity shards to the rows of the given ones, or stores it there if
// there is nothing yet. Only those in used matter.
func (w *Workspace) addParity(rows []byte, shards [][]byte, s *Symbols, half int, all run, used []int, add bool) {
	if !add {
		w.pack(rows, shards[all.first:all.end], s, half)
		return
	}
	parity := w.region(3, half)
	if half < scatterHalf {
		w.pack(parity, shards[all.first:all.end], s, half)
		n := 2 * half * (all.end - all.first)
		w.c.engine.Xor(rows[:n], parity[:n])
		return
	}
	w.wanted = w.wanted[:0]
	for _, b := range used {
		w.wanted = append(w.wanted, shards[b])
	}
	w.pack(parity, w.wanted, s, half)
	for i, b := range used {
		w.c.engine.Xor(rows[2*half*(b-all.first):][:2*half], parity[2*half*i:][:2*half])
	}
	clear(w.wanted)
}

// scatterHalf is the half of rows from which on it is cheaper to add them one by one
// than to pack and add those that nobody uses.
const scatterHalf = 128

// tailSpace is where the tails of symbols become whole blocks, one a source.
type tailSpace struct {
	blocks  []byte
	rows    [][]byte // the blocks one by one
	sources [][]byte
	out     [1][]byte
	sum     [gf.BlockSize]byte
}

// sum computes the wanted shards one by one as sums over the sources.
func (w *Workspace) sum(p *Pattern, dst, src *Symbols) {
	t := &w.tail
	t.sources = t.sources[:0]
	for _, r := range p.sources {
		t.sources = append(t.sources, src.Shards[r.first:r.end]...)
	}
	for s := range src.Count {
		from, to := src.Off+s*src.Step, dst.Off+s*dst.Step
		blocks := src.Size &^ (gf.BlockSize - 1)
		rest := src.Size - blocks
		if rest > 0 {
			w.packTails(from+blocks, rest)
		}
		for i, target := range p.targets {
			if dst.Shards[target] == nil {
				continue
			}
			if w.c.m == 1 && from == to && rest == 0 {
				// All shards of a code with one of parity add up to zero.
				t.out[0] = dst.Shards[target]
				w.c.engine.EncodeFew(t.out[:], t.sources, from, blocks, nil)
				t.out[0] = nil
				continue
			}
			out := dst.Shards[target][to:][:src.Size]
			clear(out[:blocks])
			w.c.engine.Dot(out[:blocks], t.sources, from, p.sums[i])
			if rest > 0 {
				clear(t.sum[:])
				w.c.engine.Dot(t.sum[:], t.rows, 0, p.sums[i])
				t.out[0] = out
				w.c.engine.UnpackBlocks(t.out[:], blocks, rest, t.sum[:])
			}
		}
	}
}

// packTails makes a block of the n bytes at off of every source.
func (w *Workspace) packTails(off, n int) {
	t := &w.tail
	if need := len(t.sources); len(t.rows) != need {
		if len(t.blocks) < need*gf.BlockSize {
			t.blocks = make([]byte, need*gf.BlockSize)
		}
		t.rows = t.rows[:0]
		for i := range need {
			t.rows = append(t.rows, t.blocks[i*gf.BlockSize:][:gf.BlockSize])
		}
	}
	w.c.engine.PackBlocks(t.blocks, t.sources, off, n)
}
