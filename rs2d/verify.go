package rs2d

import (
	"github.com/redstuff-go/redstuff/commit"
)

// VerifySliver checks that the sliver is the one the metadata commits to. The error
// is a *SliverError, or one of those that metadata is refused with:
// *commit.SchemeError, *ShardsError, and those of [commit.Metadata.Validate].
func (c *Code) VerifySliver(meta *commit.Metadata, s Sliver) error {
	errs, err := c.verifySlivers(meta, []Sliver{s})
	if err != nil {
		return err
	}
	return errs[0]
}

// VerifySlivers is VerifySliver for many slivers of one blob, side by side and on
// all cores. It returns an entry for each: nil, or its error. Slivers may repeat.
func (c *Code) VerifySlivers(meta *commit.Metadata, slivers []Sliver) []error {
	errs, err := c.verifySlivers(meta, slivers)
	if err != nil {
		errs = make([]error, len(slivers))
		for i := range errs {
			errs[i] = err
		}
	}
	return errs
}

// verifySlivers returns an entry for each sliver, or an error for the metadata.
func (c *Code) verifySlivers(meta *commit.Metadata, slivers []Sliver) ([]error, error) {
	size, err := c.checkMetadata(meta)
	if err != nil {
		return nil, err
	}
	errs := make([]error, len(slivers))
	var data [2][][]byte
	var which [2][]int
	for i, s := range slivers {
		if errs[i] = c.checkSliver(s, size); errs[i] == nil {
			data[s.Axis] = append(data[s.Axis], s.Data)
			which[s.Axis] = append(which[s.Axis], i)
		}
	}
	for axis := range Axis(2) {
		roots := make([]commit.Hash, len(data[axis]))
		c.sliverRoots(roots, axis, size, data[axis])
		for t, i := range which[axis] {
			if roots[t] != rootOf(meta, slivers[i].SliverRef) {
				errs[i] = &SliverError{slivers[i].SliverRef, ErrRoot}
			}
		}
	}
	return errs, nil
}

// VerifySymbol checks the symbol's proof: that the metadata commits to the symbol as
// a part of its sliver along ProofAxis. The error is a *SymbolError, or one of those
// that metadata is refused with, see [Code.VerifySliver].
func (c *Code) VerifySymbol(meta *commit.Metadata, s Symbol) error {
	size, err := c.checkMetadata(meta)
	if err != nil {
		return err
	}
	return c.verifySymbols(meta, size, []Symbol{s}, nil)[0]
}

// VerifySymbols is VerifySymbol for many symbols of one blob, side by side and on
// all cores. It returns an entry for each: nil, or its error.
func (c *Code) VerifySymbols(meta *commit.Metadata, symbols []Symbol) []error {
	size, err := c.checkMetadata(meta)
	if err != nil {
		errs := make([]error, len(symbols))
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	return c.verifySymbols(meta, size, symbols, nil)
}

// verifySymbols also writes the symbols' leaves, those of the right ones at least, if
// leaves is not nil.
func (c *Code) verifySymbols(meta *commit.Metadata, size int, symbols []Symbol, leaves []commit.Hash) []error {
	errs := make([]error, len(symbols))
	workers := max(1, min(c.crew.Free(), len(symbols)*(commit.TreeDepth(c.params.N)+size/64)/workerBlocks))
	share := (len(symbols)/workers + proofBatch) / proofBatch * proofBatch
	batch := max(16, min(proofBatch, unitBytes/size&^15))
	c.crew.NewGroup().Do(workers, (len(symbols)+share-1)/share, func(_, piece int) {
		x := getExpansion()
		defer x.release()
		from, end := piece*share, min(len(symbols), (piece+1)*share)
		for ; from < end; from += batch {
			to := min(from+batch, end)
			digests := leaves
			if leaves != nil {
				digests = leaves[from:to]
			}
			c.verifyBatch(x, errs[from:to], meta, size, symbols[from:to], digests)
		}
	})
	return errs
}

// proofBatch is how many proofs are verified side by side: enough to fill the lanes of
// every hash, few enough to stay in the first cache.
const proofBatch = 32

// verifyBatch checks the proofs of up to proofBatch symbols.
func (c *Code) verifyBatch(x *expansion, errs []error, meta *commit.Metadata, size int, symbols []Symbol, leaves []commit.Hash) {
	x.tile = resize(x.tile, len(symbols)*size)
	var digests [proofBatch * commit.HashSize]byte
	var claims [proofBatch]commit.Claim
	var which [proofBatch]int
	n := 0
	for i := range symbols {
		s := &symbols[i]
		err := c.checkSymbol(s, size)
		if err == nil && len(s.Proof) == 0 {
			err = &SymbolError{s.Row, s.Col, ErrNoProof}
		}
		if err != nil {
			errs[i] = err
			continue
		}
		copy(x.tile[n*size:][:size], s.Data)
		claim := &claims[n]
		claim.Root, claim.Index, claim.Proof = rootOf(meta, s.At(s.ProofAxis)), s.At(s.ProofAxis.Other()).Index, s.Proof
		which[n] = i
		n++
	}
	c.hasher.Leaves(digests[:], commit.HashSize, x.tile, size, size, n)
	for t := range claims[:n] {
		claims[t].Leaf = commit.Hash(digests[t*commit.HashSize:][:commit.HashSize])
		if leaves != nil {
			leaves[which[t]] = claims[t].Leaf
		}
	}
	for t, err := range c.hasher.VerifyProofs(claims[:n], c.params.N) {
		if i := which[t]; err != nil {
			errs[i] = &SymbolError{symbols[i].Row, symbols[i].Col, err}
		}
	}
}

// checkMetadata checks that the metadata is of this code, and returns the size of
// the blob's symbols.
func (c *Code) checkMetadata(meta *commit.Metadata) (size int, err error) {
	if err := meta.Validate(); err != nil {
		return 0, err
	}
	if meta.Scheme != c.Scheme() {
		return 0, &commit.SchemeError{Metadata: meta.Scheme, Hasher: c.Scheme()}
	}
	if meta.Shards() != c.params.N {
		return 0, &ShardsError{Metadata: meta.Shards(), Code: c.params.N}
	}
	return c.params.SymbolSize(meta.Length)
}

// checkSliver checks a sliver's form for symbols of size bytes.
func (c *Code) checkSliver(s Sliver, size int) error {
	if err := c.checkRef(s.SliverRef); err != nil {
		return &SliverError{s.SliverRef, err}
	}
	if len(s.Data) != c.sourceSymbols(s.Axis)*size {
		return &SliverError{s.SliverRef, ErrSize}
	}
	return nil
}

// checkSymbol checks a symbol's form, for symbols of size bytes.
func (c *Code) checkSymbol(s *Symbol, size int) error {
	var err error
	switch n := c.params.N; {
	case s.Row < 0 || s.Row >= n || s.Col < 0 || s.Col >= n:
		err = ErrIndex
	case s.ProofAxis > Secondary:
		err = ErrAxis
	case len(s.Data) != size:
		err = ErrSize
	default:
		return nil
	}
	return &SymbolError{s.Row, s.Col, err}
}

// rootOf returns the root that the metadata has for a sliver.
func rootOf(meta *commit.Metadata, ref SliverRef) commit.Hash {
	if ref.Axis == Primary {
		return meta.Primary[ref.Index]
	}
	return meta.Secondary[ref.Index]
}
