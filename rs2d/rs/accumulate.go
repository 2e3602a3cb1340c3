package rs

import (
	"sync"

	"github.com/redstuff-go/redstuff/internal/gf16"
	"github.com/redstuff-go/redstuff/internal/parallel"
)

// accumulator adds products of some shards to others:
//
//	outputs[j] += Σ_i coeffs[i][j]·(inputs[i] + olds[i])
//
// Calls that see only some of the shards work in this way. Accumulators are pooled, and
// their memory is reused.
type accumulator struct {
	from  *accumulators
	group *parallel.Group
	tails [][]byte // one block an output, in blocks
	ends  []byte
	delta [][]byte // scratch of each worker: one strip
	block [gf16.BlockSize]byte
	one   [1][]byte
	piece func(worker, piece int)

	size    int
	inputs  [][]byte
	olds    [][]byte // as many as inputs, or none
	outputs [][]byte
	coeffs  []gf16.Elem // len(outputs) for each input
}

// accumulators is the pool of accumulators of a codec.
type accumulators struct {
	engine *gf16.Engine
	crew   *parallel.Crew
	pool   sync.Pool // of *accumulator
}

// get returns an accumulator without inputs, outputs and coefficients.
func (as *accumulators) get(size int) *accumulator {
	a, ok := as.pool.Get().(*accumulator)
	if !ok {
		a = &accumulator{from: as, group: as.crew.NewGroup()}
		a.piece = a.strip
	}
	a.size = size
	return a
}

// release returns the accumulator to the pool without the caller's shards.
func (a *accumulator) release() {
	clear(a.inputs)
	clear(a.olds)
	clear(a.outputs)
	a.inputs, a.olds, a.outputs, a.coeffs = a.inputs[:0], a.olds[:0], a.outputs[:0], a.coeffs[:0]
	a.one[0] = nil
	a.from.pool.Put(a)
}

// accumulateStrip is the width of the strips: so small that a strip of an input stays in
// the first cache until it is added to all outputs.
const accumulateStrip = 4096

// run does the work, in strips.
func (a *accumulator) run() {
	if len(a.inputs) == 0 || len(a.outputs) == 0 {
		return
	}
	pieces := (a.size + accumulateStrip - 1) / accumulateStrip
	work := float64(a.size) * float64(len(a.inputs)) * float64(len(a.outputs))
	workers := int(min(float64(a.from.crew.Free()), 1+work/minAccumulation))
	for len(a.delta) < min(workers, pieces) {
		a.delta = append(a.delta, nil)
	}
	a.group.Do(workers, pieces, a.piece)
	if rest := a.size % gf16.BlockSize; rest > 0 {
		a.tail(a.size-rest, rest)
	}
}

// minAccumulation is the least work, in bytes of input times outputs, to start a
// goroutine for: a quarter of a millisecond or so.
const minAccumulation = 16 << 20

// strip accumulates the whole blocks of a strip.
func (a *accumulator) strip(worker, piece int) {
	off := piece * accumulateStrip
	n := min(a.size-off, accumulateStrip) &^ (gf16.BlockSize - 1)
	if n == 0 {
		return
	}
	for i, input := range a.inputs {
		src := input[off:][:n]
		if len(a.olds) > 0 {
			if a.delta[worker] == nil {
				a.delta[worker] = make([]byte, accumulateStrip)
			}
			delta := a.delta[worker][:n]
			copy(delta, src)
			a.from.engine.Xor(delta, a.olds[i][off:][:n])
			src = delta
		}
		a.from.engine.MulAddMany(a.outputs, off, src, a.row(i))
	}
}

// tail accumulates the n bytes at off, which are less than a block. They are copied to
// blocks whose other words have no meaning.
func (a *accumulator) tail(off, n int) {
	e := a.from.engine
	if need := gf16.BlockSize * len(a.outputs); len(a.ends) < need {
		a.ends = make([]byte, need)
	}
	a.tails = a.tails[:0]
	for j := range a.outputs {
		a.tails = append(a.tails, a.ends[j*gf16.BlockSize:][:gf16.BlockSize])
	}
	e.GatherBlocks(a.ends, a.outputs, off, n)
	for i := range a.inputs {
		a.one[0] = a.inputs[i]
		e.GatherBlocks(a.block[:], a.one[:], off, n)
		e.MulAddMany(a.tails, 0, a.block[:], a.row(i))
		if len(a.olds) > 0 {
			a.one[0] = a.olds[i]
			e.GatherBlocks(a.block[:], a.one[:], off, n)
			e.MulAddMany(a.tails, 0, a.block[:], a.row(i))
		}
	}
	e.ScatterBlocks(a.outputs, off, n, a.ends)
}

// row returns the coefficients of an input.
func (a *accumulator) row(i int) []gf16.Elem {
	n := len(a.outputs)
	return a.coeffs[i*n:][:n]
}
