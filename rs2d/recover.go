package rs2d

import (
	"fmt"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/alias"
)

// RecoverOption changes how [Code.Recover] works. Options work on any call and in any
// order.
type RecoverOption func(*recovery)

// InMemory puts the recovered sliver in dst's memory, if its capacity suffices. What dst
// holds is lost, whatever the outcome. Symbols must not overlap it.
func InMemory(dst []byte) RecoverOption { return func(r *recovery) { r.dst = dst } }

// ProofsFirst is for symbols of others who may lie: all proofs are verified before a
// symbol is used, and symbols without one are taken to be wrong. That takes less time than
// [Code.VerifySymbols] and Recover one after the other.
func ProofsFirst() RecoverOption { return func(r *recovery) { r.first = true } }

// ReportWrong sets *wrong to the symbols that were found to be wrong, whatever the
// outcome: whoever sent them is broken or lies. Without [ProofsFirst] there are none as
// long as all goes well, because nothing is verified then but the sliver. It panics if
// wrong is nil.
func ReportWrong(wrong *[]*SymbolError) RecoverOption {
	if wrong == nil {
		panic("rs2d: ReportWrong to a nil *[]*SymbolError")
	}
	return func(r *recovery) { r.wrong = wrong }
}

// Recover returns the wanted sliver, from symbols of it: as many as the sliver has,
// of any n places, in any order; more of them do no harm. Symbols need proofs only if
// some are wrong. A proof may be in the tree of the sliver that the symbol was taken
// from, or in that of the wanted sliver itself.
//
// Recover first takes all symbols to be right, and compares the root of what they
// give with the metadata. Only if it differs it verifies the proofs, and goes on
// without symbols that are refuted. See [ProofsFirst] for the other way round.
//
// The error is a *[RecoverError] if too few symbols are left, a *[ProofsNeededError]
// if some without a proof must be judged, an *[InconsistentError] if symbols that
// are proven give a wrong sliver, a *[SliverError] if there is no such sliver as the
// wanted one, a *[SymbolError] of [ErrOverlap] for one in the memory that [InMemory]
// gives, or one of those that metadata is refused with, see [Code.VerifySliver].
func (c *Code) Recover(meta *commit.Metadata, want SliverRef, symbols []Symbol, opts ...RecoverOption) (Sliver, error) {
	r := recoveries.Get().(*recovery)
	defer r.release()
	for i, opt := range opts {
		if opt == nil {
			return Sliver{}, fmt.Errorf("%w: option %d is a nil RecoverOption", ErrOption, i)
		}
		opt(r)
	}
	s, err := r.recover(c, meta, want, symbols)
	if r.wrong != nil {
		*r.wrong = r.report()
	}
	return s, err
}

// recovery is one call of Recover. Recoveries are pooled for the lists they hold.
type recovery struct {
	c       *Code
	meta    *commit.Metadata
	want    SliverRef
	size    int
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

func (r *recovery) recover(c *Code, meta *commit.Metadata, want SliverRef, symbols []Symbol) (s Sliver, err error) {
	if r.size, err = c.checkMetadata(meta); err != nil {
		return Sliver{}, err
	}
	if err := c.checkRef(want); err != nil {
		return Sliver{}, &SliverError{want, err}
	}
	r.c, r.meta, r.want, r.symbols, r.k = c, meta, want, symbols, c.sourceSymbols(want.Axis)
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
		err := r.c.checkSymbol(s, r.size)
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
		r.judgeAll()
	}
	if have := r.choose(); have < r.k {
		return Sliver{}, &RecoverError{r.want, have, r.k, r.refused}
	}
	if s, ok := r.solve(); ok {
		return s, nil
	}

	var unjudged []SliverRef
	if !r.first {
		unjudged = r.judge()
		if have := r.choose(); have < r.k {
			return Sliver{}, &RecoverError{r.want, have, r.k, r.refused}
		}
		if s, ok := r.solve(); ok {
			return s, nil
		}
	}
	for _, place := range r.chosen {
		if r.class[r.best[place]-1] != proven {
			return Sliver{}, &ProofsNeededError{r.want, unjudged, r.refused}
		}
	}
	proof := &InconsistencyProof{Target: r.want}
	for _, place := range r.chosen {
		proof.Symbols = append(proof.Symbols, r.symbols[r.best[place]-1])
	}
	return Sliver{}, &InconsistentError{Proof: proof}
}

// judge verifies the proofs there are, and returns where the symbols that have none
// came from.
func (r *recovery) judge() (unjudged []SliverRef) {
	var with []Symbol
	var which []int
	for i, s := range r.symbols {
		switch {
		case r.class[i] == useless:
		case len(s.Proof) == 0:
			unjudged = append(unjudged, s.At(r.want.Axis.Other()))
		default:
			with, which = append(with, s), append(which, i)
		}
	}
	for t, err := range r.c.verifySymbols(r.meta, r.size, with, nil) {
		r.class[which[t]] = proven
		if err != nil {
			r.class[which[t]] = useless
			r.refused = append(r.refused, err)
		}
	}
	return unjudged
}

// judgeAll verifies all symbols that are formed right.
func (r *recovery) judgeAll() {
	r.leaves = resize(r.leaves, len(r.symbols))
	for i, err := range r.c.verifySymbols(r.meta, r.size, r.symbols, r.leaves) {
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
	r.best = resize(r.best, r.c.params.N)
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
	r.data = resize(r.data, r.c.params.N)
	clear(r.data)
	for _, place := range r.chosen {
		r.data[place] = r.symbols[r.best[place]-1].Data
	}
	var leaf func(place int) *commit.Hash
	if r.first {
		leaf = func(place int) *commit.Hash { return &r.leaves[r.best[place]-1] }
	}
	data, root := r.c.solve(r.dst, r.want.Axis, r.size, r.data, leaf)
	return Sliver{r.want, data}, root == rootOf(r.meta, r.want)
}

// solve computes a sliver of the axis, and its root, from exactly as many of its n
// symbols as it takes; the others are nil. The sliver is in dst's memory if it suffices.
// If the leaves of the symbols are known, leaf returns them.
func (c *Code) solve(dst []byte, axis Axis, size int, symbols [][]byte, leaf func(j int) *commit.Hash) ([]byte, commit.Hash) {
	x := c.expansionFor(axis, size, 1)
	defer x.release()
	data := resize(dst, x.k*size)
	x.shards, x.wanted = resize(x.shards, len(symbols)), resize(x.wanted, len(symbols))
	for j, symbol := range symbols {
		x.shards[j], x.wanted[j] = nil, nil
		if j < x.k {
			x.shards[j] = data[j*size:][:size]
			if symbol == nil {
				x.wanted[j] = x.shards[j]
			} else {
				copy(x.shards[j], symbol)
			}
		}
	}
	if pattern := x.pattern(symbols); pattern != nil {
		sources := pattern.Sources(&x.sources, symbols)
		for at := range strips(size, 1, x.codec.StripSize()) {
			x.space.Reconstruct(pattern, at.of(x.wanted, 0, 0), at.of(sources, 0, 0))
		}
	}
	if leaf != nil {
		return data, x.rootOfRest(data, symbols, leaf)
	}
	return data, x.root(data)
}
