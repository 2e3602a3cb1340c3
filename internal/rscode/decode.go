package rscode

import "github.com/redstuff-go/redstuff/internal/gf16"

// reconstructLow has data inside and parity outside:
//
//	data there → coefficients → values at the used parity, plus that parity: τ(b)·r_b
//	· β_b/τ(b)² → coefficients, summed over the blocks → values inside · α_x
func (r *planarRows) reconstructLow(p *Pattern, dst, src *Symbols, planeBytes int) {
	e, c, k := r.c.Engine, r.c.Inner, r.c.Data
	someData := len(p.lost) < k
	if someData {
		coeffs := r.region(0, planeBytes)
		r.interpolate(coeffs, coeffs, src.Shards[:k], src, planeBytes, 0)
	}
	sum := r.region(1, planeBytes)
	rows := sum
	usedParity := p.usedParity
	for _, beta := range p.beta {
		n := len(beta.coeffs)
		used := 0
		for used < len(usedParity) && usedParity[used] < beta.first+n {
			used++
		}
		if someData {
			e.FFT(rows, r.regions[0], planeBytes, c, c+beta.first, n)
		}
		r.addParity(rows, src.Shards[k:], src, planeBytes, run{beta.first, beta.first + n}, usedParity[:used], someData)
		usedParity = usedParity[used:]
		e.Scale(rows, rows, planeBytes, beta.coeffs)
		if &rows[0] == &sum[0] {
			e.IFFT(sum, planeBytes, c, c+beta.first, n)
		} else {
			e.IFFTAdd(sum, rows, planeBytes, c, c+beta.first, n)
		}
		rows = r.region(2, planeBytes)
	}
	alpha := p.alpha[0]
	e.FFT(sum, sum, planeBytes, c, 0, len(alpha.coeffs))
	e.Scale(sum, sum, planeBytes, alpha.coeffs)
	r.unpack(dst.Shards[:len(alpha.coeffs)], dst, sum, planeBytes)
}

// reconstructHigh has parity inside and data outside:
//
//	data there → parity of it, plus the used parity: r_b
//	· β_b → coefficients → values at the blocks of lost data: τ(x)·q_x/α_x · α_x/τ(x)²
func (r *planarRows) reconstructHigh(p *Pattern, dst, src *Symbols, planeBytes int) {
	e, c, k := r.c.Engine, r.c.Inner, r.c.Data
	beta := p.beta[0]
	n := len(beta.coeffs)
	rows := r.region(2, planeBytes)
	someData := len(p.lost) < k
	if someData {
		data := Symbols{Shards: src.Shards[:k], Off: src.Off, Step: src.Step, Size: src.Size, Count: src.Count}
		rows = r.sumBlocks(&data, p.lost, planeBytes)
		e.FFT(rows, rows, planeBytes, c, 0, n)
	}
	r.addParity(rows, src.Shards[k:], src, planeBytes, run{0, n}, p.usedParity, someData)
	e.Scale(rows, rows, planeBytes, beta.coeffs)
	e.IFFT(rows, planeBytes, c, 0, n)
	for i, alpha := range p.alpha {
		n := len(alpha.coeffs)
		out := rows
		if i < len(p.alpha)-1 {
			out = r.region(1, planeBytes)
		}
		e.FFT(out, rows, planeBytes, c, c+alpha.first, n)
		e.Scale(out, out, planeBytes, alpha.coeffs)
		r.unpack(dst.Shards[alpha.first:alpha.first+n], dst, out, planeBytes)
	}
}

// scatterBytes is the size of a plane from which on it is cheaper to add rows one by one
// than to pack and add those that nobody uses.
const scatterBytes = 128

// addParity adds parity shards to the rows of the given ones, or stores it there if there
// is nothing yet. Only those in used matter.
func (r *planarRows) addParity(rows []byte, shards [][]byte, s *Symbols, planeBytes int, all run, used []int, add bool) {
	if !add {
		r.pack(rows, shards[all.first:all.end], s, planeBytes)
		return
	}
	parity := r.region(3, planeBytes)
	if planeBytes < scatterBytes {
		r.pack(parity, shards[all.first:all.end], s, planeBytes)
		n := 2 * planeBytes * (all.end - all.first)
		r.c.Engine.Xor(rows[:n], parity[:n])
		return
	}
	r.list = r.list[:0]
	for _, b := range used {
		r.list = append(r.list, shards[b])
	}
	r.pack(parity, r.list, s, planeBytes)
	for i, b := range used {
		r.c.Engine.Xor(rows[2*planeBytes*(b-all.first):][:2*planeBytes], parity[2*planeBytes*i:][:2*planeBytes])
	}
	clear(r.list)
}

// sums computes wanted shards one by one as sums over the sources. It holds the tails of
// symbols as whole blocks, one a source.
type sums struct {
	blocks  []byte
	tails   [][]byte // the blocks one by one
	sources [][]byte
	out     [1][]byte
	block   [gf16.BlockSize]byte
}

// compute computes the wanted shards of the pattern.
func (t *sums) compute(c *Code, p *Pattern, dst, src *Symbols) {
	e := c.Engine
	t.sources = t.sources[:0]
	for _, r := range p.sources {
		t.sources = append(t.sources, src.Shards[r.first:r.end]...)
	}
	for s := range src.Count {
		from, to := src.Off+s*src.Step, dst.Off+s*dst.Step
		blocks := src.Size &^ (gf16.BlockSize - 1)
		rest := src.Size - blocks
		if rest > 0 {
			t.gatherTails(e, from+blocks, rest)
		}
		for i, target := range p.targets {
			if dst.Shards[target] == nil {
				continue
			}
			if c.Parity == 1 && from == to && rest == 0 {
				// All shards of a code with one of parity add up to zero.
				t.out[0] = dst.Shards[target]
				c.Few.Encode(t.out[:], t.sources, from, blocks, nil)
				t.out[0] = nil
				continue
			}
			out := dst.Shards[target][to:][:src.Size]
			clear(out[:blocks])
			e.Dot(out[:blocks], t.sources, from, p.sums[i])
			if rest > 0 {
				clear(t.block[:])
				e.Dot(t.block[:], t.tails, 0, p.sums[i])
				t.out[0] = out
				e.ScatterBlocks(t.out[:], blocks, rest, t.block[:])
			}
		}
	}
}

// gatherTails makes a block of the n bytes at off of every source.
func (t *sums) gatherTails(e *gf16.Engine, off, n int) {
	if need := len(t.sources); len(t.tails) != need {
		if len(t.blocks) < need*gf16.BlockSize {
			t.blocks = make([]byte, need*gf16.BlockSize)
		}
		t.tails = t.tails[:0]
		for i := range need {
			t.tails = append(t.tails, t.blocks[i*gf16.BlockSize:][:gf16.BlockSize])
		}
	}
	e.GatherBlocks(t.blocks, t.sources, off, n)
}
