package rs2d

import (
	"bytes"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
)

// blob is what a code knows of a blob by its metadata, which is of this code.
type blob struct {
	layout
	c    *Code
	meta *commit.Metadata
}

// newBlob checks that metadata is of a code.
func newBlob(c *Code, meta *commit.Metadata) (*blob, error) {
	if err := meta.Validate(); err != nil {
		return nil, err
	}
	if meta.Scheme != c.Scheme() {
		return nil, &commit.SchemeError{Metadata: meta.Scheme, Hasher: c.Scheme()}
	}
	if meta.Shards() != c.params.N {
		return nil, &ShardsError{Metadata: meta.Shards(), Code: c.params.N}
	}
	l, err := newLayout(c.params, meta.Length)
	return &blob{layout: l, c: c, meta: meta}, err
}

// verifySlivers returns an entry for each sliver: nil, or why it is not the blob's.
func (b *blob) verifySlivers(slivers []Sliver) []error {
	errs := make([]error, len(slivers))
	var data [2][][]byte
	var which [2][]int
	for i, s := range slivers {
		if errs[i] = b.checkSliver(s); errs[i] == nil {
			data[s.Axis] = append(data[s.Axis], s.Data)
			which[s.Axis] = append(which[s.Axis], i)
		}
	}
	for axis := range Axis(2) {
		roots := b.c.along[axis].roots(b.size, data[axis])
		for t, i := range which[axis] {
			if roots[t] != rootOf(b.meta, slivers[i].SliverRef) {
				errs[i] = &SliverError{slivers[i].SliverRef, ErrRoot}
			}
		}
	}
	return errs
}

// verifySymbols returns an entry for each symbol: nil, or why it is not proven. It also writes
// the symbols' leaves, those of the right ones at least, if leaves is not nil.
func (b *blob) verifySymbols(symbols []Symbol, leaves []commit.Hash) []error {
	errs := make([]error, len(symbols))
	crew := b.c.crew
	workers := max(1, min(crew.Free(), len(symbols)*(commit.TreeDepth(b.N)+b.size/64)/workerBlocks))
	share := (len(symbols)/workers + proofBatch) / proofBatch * proofBatch
	batch := max(16, min(proofBatch, unitBytes/b.size&^15))
	crew.NewGroup().Do(workers, (len(symbols)+share-1)/share, func(_, piece int) {
		x := b.c.along[Primary].scratch()
		defer x.release()
		from, end := piece*share, min(len(symbols), (piece+1)*share)
		for ; from < end; from += batch {
			to := min(from+batch, end)
			digests := leaves
			if leaves != nil {
				digests = leaves[from:to]
			}
			x.tile = b.verifyProofs(x.tile, errs[from:to], symbols[from:to], digests)
		}
	})
	return errs
}

// proofBatch is how many proofs are verified side by side: enough to fill the lanes of
// every hash, few enough to stay in the first cache.
const proofBatch = 32

// verifyProofs verifies the proofs of up to proofBatch symbols. It copies them into buf, which
// it grows if need be, and returns.
func (b *blob) verifyProofs(buf []byte, errs []error, symbols []Symbol, leaves []commit.Hash) []byte {
	buf = resize(buf, len(symbols)*b.size)
	var digests [proofBatch * commit.HashSize]byte
	var claims [proofBatch]commit.Claim
	var which [proofBatch]int
	n := 0
	for i := range symbols {
		s := &symbols[i]
		err := b.checkSymbol(s)
		if err == nil && len(s.Proof) == 0 {
			err = &SymbolError{s.Row, s.Col, ErrNoProof}
		}
		if err != nil {
			errs[i] = err
			continue
		}
		copy(buf[n*b.size:][:b.size], s.Data)
		claim := &claims[n]
		claim.Root, claim.Index, claim.Proof = rootOf(b.meta, s.At(s.ProofAxis)), s.At(s.ProofAxis.Other()).Index, s.Proof
		which[n] = i
		n++
	}
	hasher := b.c.hasher
	hasher.Leaves(digests[:], commit.HashSize, buf, b.size, b.size, n)
	for t := range claims[:n] {
		claims[t].Leaf = commit.Hash(digests[t*commit.HashSize:][:commit.HashSize])
		if leaves != nil {
			leaves[which[t]] = claims[t].Leaf
		}
	}
	for t, err := range hasher.VerifyProofs(claims[:n], b.N) {
		if i := which[t]; err != nil {
			errs[i] = &SymbolError{symbols[i].Row, symbols[i].Col, err}
		}
	}
	return buf
}

// rowsPass reports whether rows, which hold the blob and then zeros, pass the check.
func (b *blob) rowsPass(rows []byte, check Check) bool {
	switch check {
	case CheckNone:
		return true
	case CheckStrict:
		meta, err := commitRows(b.c, rows[:b.meta.Length])
		return err == nil && slices.Equal(meta.Primary, b.meta.Primary) && slices.Equal(meta.Secondary, b.meta.Secondary)
	}
	live := len(rows) / b.row
	slivers := make([][]byte, live, b.P)
	for i := range slivers {
		slivers[i] = rows[i*b.row:][:b.row]
	}
	return slices.Equal(b.c.along[Primary].roots(b.size, slivers), b.meta.Primary[:live]) && b.zerosPass(live)
}

// zerosPass reports whether the rows from row on up to P have the root of zeros.
func (b *blob) zerosPass(row int) bool {
	if row == b.P {
		return true
	}
	zero := b.zeroRoot()
	for _, root := range b.meta.Primary[row:b.P] {
		if root != zero {
			return false
		}
	}
	return true
}

// zeroRoot returns the root of the primary sliver of zeros.
func (b *blob) zeroRoot() commit.Hash {
	return b.c.along[Primary].roots(b.size, [][]byte{make([]byte, b.row)})[0]
}

// overruns reports whether the symbol has a byte past the blob's end that is not
// zero.
func (b *blob) overruns(s *Symbol) bool {
	if s.Row >= b.P || s.Col >= b.S {
		return false // parity
	}
	at := (uint64(s.Row)*uint64(b.S) + uint64(s.Col)) * uint64(b.size)
	for i, byte := range s.Data {
		if byte != 0 && at+uint64(i) >= b.meta.Length {
			return true
		}
	}
	return false
}

// commitRows computes the metadata of a blob with an encoder of the code's pool.
func commitRows(c *Code, blob []byte) (*commit.Metadata, error) {
	e, _ := c.encoders.Get().(*Encoder)
	if e == nil {
		e = c.NewEncoder()
	}
	defer c.encoders.Put(e)
	return e.Commit(blob)
}

// isZero reports whether all bytes are zero.
func isZero(b []byte) bool {
	const block = 4096
	var zeros [block]byte
	for len(b) > block {
		if !bytes.Equal(b[:block], zeros[:]) {
			return false
		}
		b = b[block:]
	}
	return bytes.Equal(b, zeros[:len(b)])
}
