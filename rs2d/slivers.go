package rs2d

import (
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
)

// VerifySliver checks that the sliver is the one the metadata commits to. The error
// is a *SliverError, or one of those that metadata is refused with:
// *commit.SchemeError, *ShardsError, and those of [commit.Metadata.Validate].
func (c *Code) VerifySliver(meta *commit.Metadata, s Sliver) error {
	return c.VerifySlivers(meta, []Sliver{s})[0]
}

// VerifySlivers is VerifySliver for many slivers of one blob, side by side and on
// all cores. It returns an entry for each: nil, or its error. Slivers may repeat.
func (c *Code) VerifySlivers(meta *commit.Metadata, slivers []Sliver) []error {
	b, err := newBlob(c, meta)
	if err != nil {
		return slices.Repeat([]error{err}, len(slivers))
	}
	return b.verifySlivers(slivers)
}

// VerifySymbol checks the symbol's proof: that the metadata commits to the symbol as
// a part of its sliver along ProofAxis. The error is a *SymbolError, or one of those
// that metadata is refused with, see [Code.VerifySliver].
func (c *Code) VerifySymbol(meta *commit.Metadata, s Symbol) error {
	return c.VerifySymbols(meta, []Symbol{s})[0]
}

// VerifySymbols is VerifySymbol for many symbols of one blob, side by side and on
// all cores. It returns an entry for each: nil, or its error.
func (c *Code) VerifySymbols(meta *commit.Metadata, symbols []Symbol) []error {
	b, err := newBlob(c, meta)
	if err != nil {
		return slices.Repeat([]error{err}, len(symbols))
	}
	return b.verifySymbols(symbols, nil)
}

// VerifyInconsistency checks the proof: nil means that the blob is inconsistent, and
// that no reader with a strict check gets bytes from it. Nothing needs to be known of
// who made the proof. The error is [ErrNotInconsistent] if the blob agrees with the
// proof's symbols, [ErrSymbolCount], a *SymbolError for one that is not proven or not
// of the target, a *SliverError for a target that there is not, ErrNil for no proof at all,
// or one of those that metadata is refused with, see [Code.VerifySliver].
func (c *Code) VerifyInconsistency(meta *commit.Metadata, proof *InconsistencyProof) error {
	b, err := newBlob(c, meta)
	if err != nil {
		return err
	}
	if proof == nil {
		return fmt.Errorf("%w *InconsistencyProof", ErrNil)
	}
	shown, err := shownBy(b, proof)
	if err == nil && !shown {
		err = ErrNotInconsistent
	}
	return err
}

// Expand returns all n symbols of the sliver, one after another. The error is a
// *SliverError.
func (c *Code) Expand(s Sliver) ([]byte, error) {
	size, err := symbolSizeOf(c.params, s)
	if err != nil {
		return nil, err
	}
	return c.along[s.Axis].expand(s.Data, size), nil
}

// Symbol returns the symbol of the sliver that has index i along it: where it
// crosses sliver i of the other axis. It computes no other symbol, and gives no
// proof. The error is a *SliverError, or a *SymbolError for an index out of range.
func (c *Code) Symbol(s Sliver, i int) (Symbol, error) {
	size, err := symbolSizeOf(c.params, s)
	if err != nil {
		return Symbol{}, err
	}
	sym := symbolOf(s.SliverRef, i)
	if i < 0 || i >= c.params.N {
		return Symbol{}, &SymbolError{sym.Row, sym.Col, ErrIndex}
	}
	sym.Data = make([]byte, size)
	c.along[s.Axis].symbol(sym.Data, s.Data, i)
	return sym, nil
}

// NewProver expands and hashes the sliver, which it copies. The error is a
// *SliverError.
func (c *Code) NewProver(s Sliver) (*Prover, error) {
	size, err := symbolSizeOf(c.params, s)
	if err != nil {
		return nil, err
	}
	n := c.params.N
	p := &Prover{ref: s.SliverRef, size: size, data: c.along[s.Axis].expand(s.Data, size)}
	digests := make([]byte, n*commit.HashSize)
	c.hasher.Leaves(digests, commit.HashSize, p.data, size, size, n)
	leaves := make([]commit.Hash, n)
	for i := range leaves {
		leaves[i] = commit.Hash(digests[i*commit.HashSize:][:commit.HashSize])
	}
	p.tree = c.hasher.NewTree(leaves)
	return p, nil
}

// Prover has a sliver expanded and hashed, to give out its symbols with proofs. It
// takes n symbols and 64 bytes for each, is immutable, and safe for concurrent use.
type Prover struct {
	ref  SliverRef
	size int
	data []byte // n symbols
	tree *commit.Tree
}

// Root returns the root of the sliver's tree: what the metadata has for the sliver, if it
// is right.
func (p *Prover) Root() commit.Hash { return p.tree.Root() }

// Symbol returns the symbol of index i along the sliver, which is where it crosses
// sliver i of the other axis, with its proof in the sliver's tree. Its data is the
// prover's: do not write to it. Symbol panics if i is out of range.
func (p *Prover) Symbol(i int) Symbol {
	sym := symbolOf(p.ref, i)
	sym.Proof = p.tree.Proof(i)
	sym.Data = p.data[i*p.size:][:p.size:p.size]
	sym.ProofAxis = p.ref.Axis
	return sym
}
