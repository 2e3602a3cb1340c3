package prove

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// round is a round that runs, as one member sees it.
type round struct {
	challenge.Round
	of        *Prover
	ctx       context.Context // ends with the round
	committee *committee.Committee
	self      int // member
	drawn     []blob
	sizes     []int // of symbols, by blob
	turned    []int // how far pairs are rotated over shards, by blob
	verifiers []*verifier
	slivers   *expander     // whose memory goes with the round
	broken    []atomic.Bool // blobs that are known to be inconsistent, see columns.Exempt
}

// verifier verifies what one member shows.
type verifier struct {
	mu sync.Mutex // held while a message of the member is looked at
	*challenge.Verifier
}

func newRound(ctx context.Context, of *Prover, r challenge.Round, c *committee.Committee, self int, drawn []blob) (*round, error) {
	one := &round{
		Round: r, of: of, ctx: ctx, committee: c, self: self, drawn: drawn, broken: make([]atomic.Bool, len(drawn)),
		slivers: newExpander(of.config.Store, of.config.Code, of.config.Memory, of.config.Workers),
	}
	for i := range drawn {
		size, err := c.Params().SymbolSize(drawn[i].length)
		if err != nil {
			return nil, fmt.Errorf("prove: blob %v: %w", drawn[i].id, err)
		}
		one.sizes, one.turned = append(one.sizes, size), append(one.turned, drawn[i].id.Rotation(c.Params().N))
	}
	for member := range c.Len() {
		one.verifiers = append(one.verifiers, &verifier{Verifier: challenge.NewVerifier(one.grid(member, self), columns{one})})
	}
	return one, nil
}

// grid returns what a prover shows a verifier.
func (r *round) grid(prover, verifier int) challenge.Grid {
	return challenge.Grid{
		Blobs: len(r.drawn), Size: func(i int) int { return r.sizes[i] },
		Rows: r.committee.Member(prover).Shards, Columns: r.committee.Member(verifier).Shards,
	}
}

// cell finds the slivers that have a cell in common.
func (r *round) cell(c challenge.Cell) (id commit.BlobID, row, column rs2d.SliverRef) {
	n := r.committee.Params().N
	pair := func(shard int) int { return (shard + n - r.turned[c.Blob]) % n }
	row, _ = rs2d.PairSlivers(pair(c.Row), n)
	_, column = rs2d.PairSlivers(pair(c.Column), n)
	return r.drawn[c.Blob].id, row, column
}

// invalid reports whether the node has the certificate that the blob is inconsistent: nobody
// has slivers of it.
func (r *round) invalid(id commit.BlobID) bool {
	info, err := r.of.config.Store.Info(id)
	return err == nil && info.Has(store.InvalidBlobCertificate)
}

// at returns where the node has a sliver.
func (r *round) at(id commit.BlobID, ref rs2d.SliverRef) place {
	return place{id, store.Ref{Axis: ref.Axis, Pair: ref.Pair(r.committee.Params().N)}}
}

// rows are the node's own: challenge.Rows. Those who show them to one member go through one row
// after the other, and hold the last one.
type rows struct {
	*round
	last *expansion
}

// Symbol is of challenge.Rows.
func (r *rows) Symbol(c challenge.Cell) ([]byte, error) {
	id, row, column := r.cell(c)
	if at := r.at(id, row); r.last == nil || r.last.place != at {
		r.last = r.slivers.expansion(at)
	}
	symbol, err := r.slivers.symbolOf(r.last, column.Index, r.sizes[c.Blob])
	if err != nil {
		r.last = nil // it may be there the next time
	}
	if err != nil && r.invalid(id) {
		return make([]byte, r.sizes[c.Blob]), nil
	}
	return symbol, err
}

// Prove is of challenge.Rows. Of a blob that is inconsistent the path is empty.
func (r *rows) Prove(c challenge.Cell) ([]byte, commit.Proof, error) {
	id, row, column := r.cell(c)
	s, err := r.slivers.sliver(r.at(id, row))
	if err != nil {
		if r.invalid(id) {
			return make([]byte, r.sizes[c.Blob]), nil, nil
		}
		return nil, nil, err
	}
	prover, err := r.of.config.Code.NewProver(s)
	if err != nil {
		return nil, nil, err
	}
	symbol := prover.Symbol(column.Index)
	return symbol.Data, symbol.Proof, nil
}

// columns are the node's own: challenge.Columns.
type columns struct{ *round }

// Symbol is of challenge.Columns.
func (r columns) Symbol(c challenge.Cell) ([]byte, error) {
	id, row, column := r.cell(c)
	return r.slivers.symbol(r.at(id, column), row.Index, r.sizes[c.Blob])
}

// errUnproven is returned for a symbol without a proof, of a blob that may be inconsistent.
var errUnproven = errors.New("prove: nothing says that the blob is inconsistent")

// Verify is of challenge.Columns. Nothing is asked of a blob that is inconsistent.
func (r columns) Verify(c challenge.Cell, symbol []byte, path commit.Proof) (bool, error) {
	id, row, column := r.cell(c)
	if r.invalid(id) {
		r.broken[c.Blob].Store(true)
		return true, nil
	}
	if len(path) == 0 {
		return false, errUnproven
	}
	ctx, cancel := context.WithTimeout(r.ctx, verifyTime)
	defer cancel()
	meta, err := r.of.config.Metadata(ctx, id)
	if err != nil {
		return false, err
	}
	one := rs2d.Symbol{Row: row.Index, Col: column.Index, Data: symbol, Proof: path, ProofAxis: rs2d.Primary}
	err = r.of.config.Code.VerifySymbol(meta, one)
	var wrong *rs2d.SymbolError
	if err != nil && !errors.As(err, &wrong) {
		return false, err
	}
	if err == nil {
		r.compare(c, one)
	}
	return err == nil, nil
}

// compare finds out whether a symbol, which is that of its row, is another one than that of the
// node's column. Both slivers were verified, so that the blob is inconsistent if they differ: whoever
// wrote many such could have honest members prove symbol after symbol until the time is over.
func (r columns) compare(c challenge.Cell, symbol rs2d.Symbol) {
	own, err := r.Symbol(c)
	if err != nil || bytes.Equal(own, symbol.Data) || r.broken[c.Blob].Swap(true) {
		return
	}
	id := r.drawn[c.Blob].id
	r.of.config.Logger.Warn("a blob is inconsistent: a row and a column of it have different symbols", "blob", id, "row", symbol.Row, "column", symbol.Col)
	r.of.config.Inconsistent(id, symbol)
}

// Exempt is of challenge.Columns.
func (r columns) Exempt(blob int) bool { return r.broken[blob].Load() }

// answer takes a message of a member.
func (r *round) answer(member int, m challenge.Message) (challenge.Message, error) {
	v := r.verifiers[member]
	if !v.mu.TryLock() {
		return nil, ErrBusy
	}
	defer v.mu.Unlock()
	var err error
	switch m := m.(type) {
	case challenge.Open:
	case challenge.Symbols:
		err = v.Symbols(m)
	case challenge.Proof:
		err = v.Proof(m)
	default:
		err = challenge.ErrMessage
	}
	switch {
	case err == nil || errors.Is(err, challenge.ErrProofsFirst):
	case errors.Is(err, challenge.ErrMessage) || errors.Is(err, challenge.ErrProof):
		return nil, err
	default:
		r.of.config.Logger.Debug("a symbol cannot be verified at present", "member", r.committee.Member(member).Name, "error", err)
		return nil, ErrBusy
	}
	if !v.Done() {
		return v.Want(), nil
	}
	if err := r.of.config.Gate.Check(r.Round); err != nil { // it may be closed by now
		return nil, err
	}
	return challenge.Signed{Signature: r.sign(member)}, nil
}

// sign attests that a member has passed.
func (r *round) sign(member int) committee.Signature {
	return r.of.config.Signer.Attest(r.committee, r.Pass(r.committee.Member(member).PublicKey))
}
