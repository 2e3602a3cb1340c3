package work

import (
	"bytes"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Blob names one encoding: a blob of Size bytes, coded for N shards.
type Blob struct {
	N       int
	Size    int
	Scheme  commit.Scheme
	Backend string // empty for the best
}

// Fits reports whether the code can hold the blob at all.
func (b Blob) Fits() bool {
	params, err := commit.NewParams(b.N)
	return err == nil && uint64(b.Size) <= params.MaxBlob()
}

func (b Blob) code(cores int) (*rs2d.Code, error) {
	return rs2d.New(b.N, rs2d.WithScheme(b.Scheme), rs2d.WithBackend(b.Backend), rs2d.WithWorkers(cores))
}

func (b Blob) data(a *Arena) []byte {
	data := a.Bytes(b.Size)
	Fill(data, 1)
	return data
}

// Encode2D encodes blob after blob into the same memory.
func Encode2D(a *Arena, b Blob, cores int) (*Op, error) {
	code, err := b.code(cores)
	if err != nil {
		return nil, err
	}
	data := b.data(a)
	encoder, encoding := code.NewEncoder(), new(rs2d.Encoding)
	return &Op{Bytes: int64(b.Size), Run: func() error { return encoder.Encode(encoding, data) }}, nil
}

// EncodeFresh2D encodes every blob into memory that it asks for anew.
func EncodeFresh2D(a *Arena, b Blob, cores int) (*Op, error) {
	code, err := b.code(cores)
	if err != nil {
		return nil, err
	}
	data := b.data(a)
	return &Op{Bytes: int64(b.Size), Run: func() error {
		_, err := code.Encode(data)
		return err
	}}, nil
}

// ID2D computes blob ids, and keeps no slivers.
func ID2D(a *Arena, b Blob, cores int) (*Op, error) {
	code, err := b.code(cores)
	if err != nil {
		return nil, err
	}
	data := b.data(a)
	return &Op{Bytes: int64(b.Size), Run: func() error {
		_, err := code.ID(data)
		return err
	}}, nil
}

// Encoded is a blob with all its slivers, from which the reading operations are made.
type Encoded struct {
	Blob
	data     []byte
	encoding *rs2d.Encoding
}

// NewEncoded encodes a blob on all cores.
func NewEncoded(a *Arena, b Blob) (*Encoded, error) {
	code, err := b.code(0)
	if err != nil {
		return nil, err
	}
	e := &Encoded{Blob: b, data: b.data(a)}
	e.encoding, err = code.Encode(e.data)
	return e, err
}

// Decode returns the operation that decodes from random slivers of one axis, just
// enough of them, blob after blob into the same memory. Every run has the same slivers.
func (e *Encoded) Decode(axis rs2d.Axis, check rs2d.Check, cores int) (*Op, error) {
	var blob []byte
	return e.decode(axis, cores, func(code *rs2d.Code, slivers []rs2d.Sliver) ([]byte, error) {
		got, err := code.Decode(e.encoding.Metadata(), slivers, check, rs2d.InMemory(blob))
		blob = got
		return got, err
	})
}

// DecodeFresh is Decode with every blob in memory that is asked for anew.
func (e *Encoded) DecodeFresh(axis rs2d.Axis, check rs2d.Check, cores int) (*Op, error) {
	return e.decode(axis, cores, func(code *rs2d.Code, slivers []rs2d.Sliver) ([]byte, error) {
		return code.Decode(e.encoding.Metadata(), slivers, check)
	})
}

func (e *Encoded) decode(axis rs2d.Axis, cores int, run func(*rs2d.Code, []rs2d.Sliver) ([]byte, error)) (*Op, error) {
	code, err := e.code(cores)
	if err != nil {
		return nil, err
	}
	need := code.Params().P
	if axis == rs2d.Secondary {
		need = code.Params().S
	}
	var slivers []rs2d.Sliver
	for _, i := range Random(uint64(need)).Perm(e.N)[:need] {
		slivers = append(slivers, e.encoding.Sliver(rs2d.SliverRef{Axis: axis, Index: i}))
	}
	return &Op{Bytes: int64(e.Size), Run: func() error {
		got, err := run(code, slivers)
		if err == nil && len(got) != e.Size {
			return fmt.Errorf("decoded %d bytes of %d", len(got), e.Size)
		}
		return err
	}}, nil
}

// pair is a lost sliver pair with the symbols that random other shards send for it.
type pair struct {
	want    [2]rs2d.SliverRef
	symbols [2][]rs2d.Symbol
}

func (e *Encoded) lose(code *rs2d.Code) (*pair, error) {
	params := code.Params()
	random := Random(2)
	lost := random.IntN(e.N)
	p := new(pair)
	p.want[0], p.want[1] = rs2d.PairSlivers(lost, e.N)
	for k, want := range p.want {
		need := params.S
		if want.Axis == rs2d.Secondary {
			need = params.P
		}
		for _, i := range random.Perm(e.N)[:need] {
			prover, err := code.NewProver(e.encoding.Sliver(rs2d.SliverRef{Axis: want.Axis.Other(), Index: i}))
			if err != nil {
				return nil, err
			}
			// As from the network, not as a window on the helper's memory.
			symbol := prover.Symbol(want.Index)
			symbol.Data = bytes.Clone(symbol.Data)
			p.symbols[k] = append(p.symbols[k], symbol)
		}
	}
	return p, nil
}

// Recover returns the operation that rebuilds a lost sliver pair: it verifies every
// symbol's proof, decodes, and compares both slivers' roots with the metadata. If
// trusting is set, no proof is looked at: the roots say whether the symbols were right.
// Pair after pair is rebuilt in the same memory.
func (e *Encoded) Recover(trusting bool, cores int) (*Op, error) {
	code, err := e.code(cores)
	if err != nil {
		return nil, err
	}
	lost, err := e.lose(code)
	if err != nil {
		return nil, err
	}
	meta := e.encoding.Metadata()
	var slivers [2][]byte
	bytes := 0
	for _, want := range lost.want {
		bytes += len(e.encoding.Sliver(want).Data)
	}
	return &Op{Bytes: int64(bytes), Run: func() error {
		for k, want := range lost.want {
			opts := []rs2d.RecoverOption{rs2d.InMemory(slivers[k])}
			if !trusting {
				opts = append(opts, rs2d.ProofsFirst())
			}
			sliver, err := code.Recover(meta, want, lost.symbols[k], opts...)
			if err != nil {
				return err
			}
			slivers[k] = sliver.Data
		}
		return nil
	}}, nil
}

// Help returns the operation of a shard that helps: it computes one symbol of a
// sliver, of which only the source symbols are stored; with a proof, it expands and
// hashes the whole sliver.
func (e *Encoded) Help(proof bool, cores int) (*Op, error) {
	code, err := e.code(cores)
	if err != nil {
		return nil, err
	}
	sliver, index := e.encoding.Primary(e.N/2), e.N-1
	run := func() error {
		_, err := code.Symbol(sliver, index)
		return err
	}
	if proof {
		run = func() error {
			prover, err := code.NewProver(sliver)
			if err == nil {
				prover.Symbol(index)
			}
			return err
		}
	}
	return &Op{Bytes: int64(e.encoding.SymbolSize()), Run: run}, nil
}
