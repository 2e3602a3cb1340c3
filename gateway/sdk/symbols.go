package sdk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/bcs"
	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// recoverer gives out symbols of stored slivers, to whoever recovers others from them.
type recoverer struct{ *shared }

// asked says what whoever asks for something of slivers of an axis asks for. Nobody is known
// here to be who it is, so that nobody is known to recover a sliver of its own.
func asked(axis rs2d.Axis) challenge.Asked {
	if axis == rs2d.Primary {
		return challenge.Row
	}
	return challenge.Column
}

// proofSize bounds a symbol's proof with its place, bytes.
func proofSize(p commit.Params) int { return 16 + commit.TreeDepth(p.N)*(1+commit.HashSize) }

// getRecoverySymbols answers GeneralRecoverySymbols: of each of the symbols asked for, if the node
// has it. What it has not is an error only where it has none.
func (f recoverer) getRecoverySymbols(r *request) error {
	want, err := parseSymbolQuery(r.URL.Query())
	if err != nil {
		return r.query(err)
	}
	if t := want.target; t != nil {
		for _, pair := range r.own() {
			primary, secondary := rs2d.PairSlivers(pair, f.params.N)
			if t.Axis == rs2d.Primary {
				want.cells = append(want.cells, cell{t.Index, secondary.Index})
			} else {
				want.cells = append(want.cells, cell{primary.Index, t.Index})
			}
		}
	}
	visit := f.Gate.Enter()
	defer visit.Leave()
	size, err := f.symbolSize(r.id)
	if err != nil {
		return f.unread(err)
	}
	if !r.Hold(int64(len(want.cells)) * int64(size+proofSize(f.params))) {
		return errAnswered
	}
	found := make([][]byte, len(want.cells))
	errs := make([]error, len(want.cells))
	for i, c := range want.cells {
		errs[i] = unmet("SYMBOL_NOT_PRESENT_AT_SHARDS", fmt.Sprintf("symbol %d-%d is in slivers of other nodes", c.row, c.column))
		if c.row >= f.params.N || c.column >= f.params.N {
			errs[i] = invalid("INDEX_OUT_OF_RANGE", fmt.Sprintf("symbol %d-%d: there are slivers 0 to %d", c.row, c.column, f.params.N-1))
		}
	}
	for _, axis := range want.sources {
		if err := f.proven(r, visit, axis, size, want.cells, found, errs); err != nil {
			return err
		}
	}
	found = slices.DeleteFunc(found, func(b []byte) bool { return b == nil })
	if len(found) == 0 {
		if len(errs) == 0 {
			return unmet("SYMBOL_NOT_PRESENT_AT_SHARDS", "the node stores no shard")
		}
		return errs[len(errs)-1]
	}
	return r.send(visit, slices.Concat(append([][]byte{bcs.AppendLength(nil, len(found))}, found...)...))
}

// proven finds symbols that it has not found yet, in the node's slivers of an axis, and says of the
// others why it did not. The error is one that ends the request.
func (f recoverer) proven(r *request, visit *gate.Visit, axis rs2d.Axis, size int, cells []cell, found [][]byte, errs []error) error {
	of := make(map[int][]int) // numbers of cells, by the pair of their sliver
	for i, c := range cells {
		source := rs2d.SliverRef{Axis: axis, Index: c.row}
		if axis == rs2d.Secondary {
			source.Index = c.column
		}
		if found[i] == nil && c.row < f.params.N && c.column < f.params.N {
			pair := source.Pair(f.params.N)
			of[pair] = append(of[pair], i)
		}
	}
	for _, pair := range r.own() {
		if len(of[pair]) == 0 {
			continue
		}
		prover, release, err := f.prover(r, visit, store.Ref{Axis: axis, Pair: pair}, size)
		if errors.Is(err, errAnswered) || r.Context().Err() != nil {
			return errAnswered
		}
		for _, i := range of[pair] {
			if err != nil {
				errs[i] = err
				continue
			}
			at, target := cells[i].column, cells[i].row
			if axis == rs2d.Secondary {
				at = cells[i].row
			} else {
				target = cells[i].column
			}
			if found[i], errs[i] = appendGeneral(make([]byte, 0, size+proofSize(f.params)), prover.Symbol(at), target); errs[i] != nil {
				found[i] = nil
			}
		}
		if release != nil {
			release()
		}
	}
	return nil
}

// appendGeneral appends Walrus's GeneralRecoverySymbol: the axis of the sliver that the symbol
// recovers, the sliver that it is of, the symbol, which sliver it recovers, and the proof.
func appendGeneral(dst []byte, s rs2d.Symbol, target int) ([]byte, error) {
	dst = appendDecoding(dst, s.ProofAxis.Other(), s.At(s.ProofAxis).Index, s.Data)
	return s.Proof.AppendBinary(bcs.AppendU16(dst, uint16(target)))
}

// appendDecoding appends Walrus's EitherDecodingSymbol.
func appendDecoding(dst []byte, target rs2d.Axis, source int, data []byte) []byte {
	return bcs.AppendSlice(bcs.AppendU16(bcs.AppendVariant(dst, uint32(target)), uint16(source)), data)
}

// prover returns what proves symbols of a stored sliver, until it is released.
func (f recoverer) prover(r *request, visit *gate.Visit, ref store.Ref, size int) (*rs2d.Prover, func(), error) {
	if err := visit.Serves(r.id, asked(ref.Axis)); err != nil {
		return nil, nil, unavailable(err.Error())
	}
	done, err := r.Turn(r.Context())
	if err != nil {
		return nil, nil, err
	}
	defer done()
	stored, err := f.Store.Size(r.id, ref)
	if err != nil {
		return nil, nil, f.unread(err)
	}
	release, err := r.Borrow(stored + int64(f.params.N)*int64(size+4*commit.HashSize))
	if err != nil {
		return nil, nil, unavailable("the node has no memory to prove symbols in at present")
	}
	data, err := f.Store.Read(nil, r.id, ref, 0, -1)
	var p *rs2d.Prover
	if err == nil {
		p, err = f.Code.NewProver(rs2d.Sliver{SliverRef: placement.Ref(ref).Sliver(f.params.N), Data: data})
	}
	if err != nil {
		release()
		return nil, nil, f.unread(err)
	}
	return p, release, nil
}

// getDecodingSymbols answers symbols without proofs, of source slivers, that it has in its slivers
// of the other axis: a map from the slivers' indices to EitherDecodingSymbols.
func (f recoverer) getDecodingSymbols(r *request) error {
	axis, targets, err := parseTargets(r.URL.Query())
	if err != nil {
		return r.query(err)
	}
	sources := f.params.P
	if axis == rs2d.Secondary {
		sources = f.params.S
	}
	if last := targets[len(targets)-1]; last >= sources {
		return invalid("RECOVERY_SYMBOL_OUT_OF_RANGE", fmt.Sprintf("%v sliver %d: there are source slivers 0 to %d", axis, last, sources-1))
	}
	visit := f.Gate.Enter()
	defer visit.Leave()
	size, err := f.symbolSize(r.id)
	if err != nil {
		return f.unread(err)
	}
	if err := visit.Serves(r.id, asked(axis.Other())); err != nil {
		return unavailable(err.Error())
	}
	pairs := r.own()
	if !r.Hold(int64(len(targets)*len(pairs)+len(targets)) * int64(size+8)) {
		return errAnswered
	}
	symbols := make(map[int][][]byte)
	for _, pair := range pairs {
		if err := f.decoding(r, axis, targets, store.Ref{Axis: axis.Other(), Pair: pair}, size, symbols); err != nil {
			return err
		}
	}
	// A map is in the order of its keys' bytes, of which the lower one comes first.
	slices.SortFunc(targets, func(a, b int) int {
		return slices.Compare(binary.LittleEndian.AppendUint16(nil, uint16(a)), binary.LittleEndian.AppendUint16(nil, uint16(b)))
	})
	out := bcs.AppendLength(nil, len(symbols))
	for _, target := range targets {
		if all := symbols[target]; all != nil {
			out = bcs.AppendLength(bcs.AppendU16(out, uint16(target)), len(all))
			out = append(out, slices.Concat(all...)...)
		}
	}
	return r.send(visit, out)
}

// decoding adds the symbols of the targets that one stored sliver has, which it holds as they are.
func (f recoverer) decoding(r *request, axis rs2d.Axis, targets []int, ref store.Ref, size int, symbols map[int][][]byte) error {
	done, err := r.Turn(r.Context())
	if err != nil {
		return err
	}
	defer done()
	source := placement.Ref(ref).Sliver(f.params.N).Index
	for _, target := range targets {
		data, err := f.Store.Read(nil, r.id, ref, int64(target)*int64(size), int64(size))
		if err != nil {
			_ = f.unread(err)
			return nil // others may be there
		}
		symbols[target] = append(symbols[target], appendDecoding(make([]byte, 0, size+8), axis, source, data))
	}
	return nil
}
