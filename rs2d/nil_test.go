package rs2d

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/nilargs"
)

func TestNil(t *testing.T) {
	c := newCode(t, 7)
	blob := pattern(100, 1)
	e, err := c.Encode(blob)
	if err != nil {
		t.Fatal(err)
	}
	meta := e.Metadata()
	m := newNaive(t, c, blob)
	want := SliverRef{Primary, 4}
	var symbols []Symbol
	for i := range 7 {
		symbols = append(symbols, m.symbol(SliverRef{Secondary, i}, 4))
	}
	var primary []Sliver
	for i := range 7 {
		primary = append(primary, e.Primary(i))
	}
	sliver, err := e.Primary(4).AppendBCS(nil, e.SymbolSize())
	if err != nil {
		t.Fatal(err)
	}
	symbol, err := symbols[0].AppendBCS(nil)
	if err != nil {
		t.Fatal(err)
	}
	proof := &InconsistencyProof{Target: want, Symbols: symbols[:1]}
	inconsistency, err := proof.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	prover, err := c.NewProver(primary[0])
	if err != nil {
		t.Fatal(err)
	}
	encoder := c.NewEncoder()
	src := bytes.NewReader(blob)
	ctx := context.Background()
	var wrong []*SymbolError
	nilargs.Check(t, ".", []nilargs.Call{
		{Name: "InMemory", Func: InMemory, Args: []any{make([]byte, 3)}},
		{Name: "MaxMemory", Func: MaxMemory, Args: []any{int64(1)}},
		{Name: "New", Func: New, Args: []any{7, WithScheme(commit.Walrus)}},
		{Name: "PairSlivers", Func: PairSlivers, Args: []any{1, 7}},
		{Name: "ParseInconsistencyProof", Func: ParseInconsistencyProof, Args: []any{inconsistency}},
		{Name: "ParseSliver", Func: ParseSliver, Args: []any{meta, Primary, sliver}},
		{Name: "CutSymbol", Func: CutSymbol, Args: []any{meta, want, symbol}},
		{Name: "ParseSymbol", Func: ParseSymbol, Args: []any{meta, want, symbol}},
		{Name: "Progress", Func: Progress, Args: []any{func(_, _ int64) {}}},
		{Name: "ReadBack", Func: ReadBack, Args: []any{src}},
		{Name: "RangeSlivers", Func: RangeSlivers, Args: []any{meta, uint64(0), uint64(3)}},
		{Name: "ReportRejected", Func: ReportRejected, Args: []any{func(SliverRef, error) {}}},
		{Name: "ReportWrong", Func: ReportWrong, Args: []any{&wrong}},
		{Name: "SpoolIn", Func: SpoolIn, Args: []any{""}},
		{Name: "WithBackend", Func: WithBackend, Args: []any{"generic"}},
		{Name: "WithScheme", Func: WithScheme, Args: []any{commit.Walrus}},
		{Name: "WithWorkers", Func: WithWorkers, Args: []any{1}},
		{Name: "Code.CheckRows", Func: c.CheckRows, Args: []any{meta, blob, CheckNone}},
		{Name: "Code.Decode", Func: c.Decode, Args: []any{meta, primary, CheckStrict, InMemory(nil)}},
		{Name: "Code.DecodeTo", Func: c.DecodeTo, Args: []any{ctx, io.Discard, meta, memorySource{}, []SliverRef{}, CheckNone, MaxMemory(1)}, Fine: []int{4}},
		{Name: "Code.Encode", Func: c.Encode, Args: []any{blob}},
		{Name: "Code.EncodeTo", Func: c.EncodeTo, Args: []any{ctx, Discard, src, int64(100), MaxMemory(1)}},
		{Name: "Code.Expand", Func: c.Expand, Args: []any{primary[0]}},
		{Name: "Code.ID", Func: c.ID, Args: []any{blob}},
		{Name: "Code.NewProver", Func: c.NewProver, Args: []any{primary[0]}},
		{Name: "Code.ReadRange", Func: c.ReadRange, Args: []any{meta, primary, uint64(0), uint64(3)}},
		{Name: "Code.Recover", Func: c.Recover, Args: []any{meta, want, symbols, ProofsFirst()}},
		{Name: "Code.Symbol", Func: c.Symbol, Args: []any{primary[0], 1}},
		{Name: "Code.VerifyInconsistency", Func: c.VerifyInconsistency, Args: []any{meta, proof}},
		{Name: "Code.VerifySliver", Func: c.VerifySliver, Args: []any{meta, primary[0]}},
		{Name: "Code.VerifySlivers", Func: func(m *commit.Metadata, s []Sliver) error { return first(c.VerifySlivers(m, s)) }, Args: []any{meta, primary}},
		{Name: "Code.VerifySymbol", Func: c.VerifySymbol, Args: []any{meta, symbols[0]}},
		{Name: "Code.VerifySymbols", Func: func(m *commit.Metadata, s []Symbol) error { return first(c.VerifySymbols(m, s)) }, Args: []any{meta, symbols}},
		{Name: "Encoder.Commit", Func: encoder.Commit, Args: []any{blob}},
		{Name: "Encoder.Encode", Func: encoder.Encode, Args: []any{new(Encoding), blob}},
		{Name: "Encoder.EncodeFrom", Func: encoder.EncodeFrom, Args: []any{ctx, Discard, bytes.NewReader(blob), MaxMemory(1)}},
		{Name: "Encoder.EncodeTo", Func: encoder.EncodeTo, Args: []any{ctx, Discard, src, int64(100), MaxMemory(1)}},
		{Name: "Encoding.Pair", Func: e.Pair, Args: []any{1}},
		{Name: "Encoding.Primary", Func: e.Primary, Args: []any{1}},
		{Name: "Encoding.Secondary", Func: e.Secondary, Args: []any{1}},
		{Name: "Encoding.Sliver", Func: e.Sliver, Args: []any{want}},
		{Name: "Prover.Symbol", Func: prover.Symbol, Args: []any{1}},
		{Name: "Sliver.AppendBCS", Func: primary[0].AppendBCS, Args: []any{[]byte{}, e.SymbolSize()}},
		{Name: "SliverRef.Pair", Func: want.Pair, Args: []any{7}},
		{Name: "Symbol.AppendBCS", Func: symbols[0].AppendBCS, Args: []any{[]byte{}}},
		{Name: "Symbol.At", Func: symbols[0].At, Args: []any{Primary}},
	})
}

// first returns the first error of a list.
func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
