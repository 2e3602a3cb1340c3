package rs2d

import (
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/alias"
)

// RecoverOption changes how [Code.Recover] works. Options work on any call and in any
// order.
type RecoverOption interface{ applyRecover(r *recovery) }

// MemoryOption is an option of [Code.Recover] and of [Code.Decode].
type MemoryOption interface {
	RecoverOption
	DecodeOption
}

// InMemory puts the result in dst's memory, if its capacity suffices: for the recovered
// sliver, or for the decoded blob padded to whole rows. Large blobs take less time in
// memory that was used before. What dst holds is lost, whatever the outcome. Symbols and
// slivers must not overlap it.
func InMemory(dst []byte) MemoryOption { return inMemory(dst) }

type inMemory []byte

func (m inMemory) applyRecover(r *recovery) { r.dst = m }

func (m inMemory) applyDecode(d *decoding) { d.dst = m }

type recoverOption func(*recovery)

func (o recoverOption) applyRecover(r *recovery) { o(r) }

// ProofsFirst is for symbols of others who may lie: all proofs are verified before a
// symbol is used, and symbols without one are taken to be wrong. That takes less time than
// [Code.VerifySymbols] and Recover one after the other.
func ProofsFirst() RecoverOption { return recoverOption(func(r *recovery) { r.first = true }) }

// ReportWrong sets *wrong to the symbols that were found to be wrong, whatever the
// outcome: whoever sent them is broken or lies. Without [ProofsFirst] there are none as
// long as all goes well, because nothing is verified then but the sliver. It panics if
// wrong is nil.
func ReportWrong(wrong *[]*SymbolError) RecoverOption {
	if wrong == nil {
		panic("rs2d: ReportWrong to a nil *[]*SymbolError")
	}
	return recoverOption(func(r *recovery) { r.wrong = wrong })
}

// recovery is one call of Recover. Recoveries are pooled for the lists they hold.
type recovery struct {
	*blob
	want    SliverRef
	k       int // symbols it takes
	symbols []Symbol
	dst     []byte
	first   bool            // whether to verify all proofs first
	refused []error         // *SymbolErrors, which errors keep
	wrong   *[]*SymbolError // where to report them

	class  []symbolClass
	best   []int         // per place along the sliver, 1 + the number of the best symbol there
	chosen []int         // k places
	data   [][]byte      // the symbols there
	leaves []commit.Hash // of all symbols, if they were verified first
}

var recoveries = sync.Pool{New: func() any { return new(recovery) }}

// release returns the recovery to the pool, without what others own.
func (r *recovery) release() {
	clear(r.data)
	*r = recovery{class: r.class, best: r.best, chosen: r.chosen, data: r.data, leaves: r.leaves}
	recoveries.Put(r)
}

// report returns the symbols that were found to be wrong.
func (r *recovery) report() []*SymbolError {
	refused := make([]*SymbolError, 0, len(r.refused))
	for _, err := range r.refused {
		if e, ok := err.(*SymbolError); ok {
			refused = append(refused, e)
		}
	}
	return refused
}

// symbolClass ranks symbols by how much speaks for them.
type symbolClass uint8

const (
	useless    symbolClass = iota // malformed, or refuted
	unknown                       // nobody knows
	proven                        // the metadata commits to it
	classCount = iota
)

func (r *recovery) recover(c *Code, meta *commit.Metadata, want SliverRef, symbols []Symbol) (Sliver, error) {
	var err error
	if r.blob, err = newBlob(c, meta); err != nil {
		return Sliver{}, err
	}
	if err := checkRef(r.N, want); err != nil {
		return Sliver{}, &SliverError{want, err}
	}
	r.want, r.symbols, r.k = want, symbols, sourceSymbols(r.Params, want.Axis)
	if n := r.k * r.size; cap(r.dst) >= n {
		for _, s := range symbols {
			if alias.Overlap(r.dst[:n], s.Data) {
				return Sliver{}, &SymbolError{s.Row, s.Col, ErrOverlap}
			}
		}
	}
	return r.run()
}

func (r *recovery) run() (Sliver, error) {
	r.class = resize(r.class, len(r.symbols))
	clear(r.class)
	for i := range r.symbols {
		s := &r.symbols[i]
		err := r.checkSymbol(s)
		if err == nil && s.At(r.want.Axis) != r.want {
			err = &SymbolError{s.Row, s.Col, ErrElsewhere}
		}
		if err != nil {
			r.refused = append(r.refused, err)
		} else {
			r.class[i] = unknown
		}
	}
	if r.first {
		r.verifyAll()
	}
	if have := r.choose(); have < r.k {
		return Sliver{}, &RecoverError{r.want, have, r.k, r.refused}
	}
	if s, ok := r.solve(); ok {
		return s, nil
	}

	var unproven []SliverRef
	if !r.first {
		unproven = r.verify()
		if have := r.choose(); have < r.k {
			return Sliver{}, &RecoverError{r.want, have, r.k, r.refused}
		}
		if s, ok := r.solve(); ok {
			return s, nil
		}
	}
	for _, place := range r.chosen {
		if r.class[r.best[place]-1] != proven {
			return Sliver{}, &ProofsNeededError{r.want, unproven, r.refused}
		}
	}
	proof := &InconsistencyProof{Target: r.want}
	for _, place := range r.chosen {
		proof.Symbols = append(proof.Symbols, r.symbols[r.best[place]-1])
	}
	return Sliver{}, &InconsistentError{Proof: proof}
}

// verify verifies the proofs there are, and returns where the symbols that have none
// came from.
func (r *recovery) verify() (unproven []SliverRef) {
	var with []Symbol
	var which []int
	for i, s := range r.symbols {
		switch {
		case r.class[i] == useless:
		case len(s.Proof) == 0:
			unproven = append(unproven, s.At(r.want.Axis.Other()))
		default:
			with, which = append(with, s), append(which, i)
		}
	}
	for t, err := range r.verifySymbols(with, nil) {
		r.class[which[t]] = proven
		if err != nil {
			r.class[which[t]] = useless
			r.refused = append(r.refused, err)
		}
	}
	return unproven
}

// verifyAll verifies all symbols that are formed right.
func (r *recovery) verifyAll() {
	r.leaves = resize(r.leaves, len(r.symbols))
	for i, err := range r.verifySymbols(r.symbols, r.leaves) {
		switch {
		case r.class[i] == useless:
		case err == nil:
			r.class[i] = proven
		default:
			r.class[i] = useless
			r.refused = append(r.refused, err)
		}
	}
}

// choose picks k places, and returns how many there are: the proven before the
// unknown, and of each class the source symbols first, which need no computation.
func (r *recovery) choose() (have int) {
	r.best = resize(r.best, r.N)
	clear(r.best)
	for i := range r.symbols {
		place := r.symbols[i].At(r.want.Axis.Other()).Index
		if r.class[i] == useless {
			continue
		}
		if b := r.best[place]; b == 0 {
			r.best[place], have = i+1, have+1
		} else if r.class[i] > r.class[b-1] {
			r.best[place] = i + 1
		}
	}
	r.chosen = resize(r.chosen, r.k)[:0]
	for class := symbolClass(classCount - 1); class > useless; class-- {
		for place, b := range r.best {
			if b > 0 && r.class[b-1] == class && len(r.chosen) < r.k {
				r.chosen = append(r.chosen, place)
			}
		}
	}
	return have
}

// solve computes the sliver from the chosen symbols, and reports whether it is the
// one the metadata commits to.
func (r *recovery) solve() (Sliver, bool) {
	r.data = resize(r.data, r.N)
	clear(r.data)
	for _, place := range r.chosen {
		r.data[place] = r.symbols[r.best[place]-1].Data
	}
	var leaf func(place int) *commit.Hash
	if r.first {
		leaf = func(place int) *commit.Hash { return &r.leaves[r.best[place]-1] }
	}
	data, root := r.c.along[r.want.Axis].solve(r.dst, r.size, r.data, leaf)
	return Sliver{r.want, data}, root == rootOf(r.meta, r.want)
}
