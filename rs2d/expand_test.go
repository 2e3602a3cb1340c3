package rs2d

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gf"
)

// shapes are numbers of shards and lengths of blobs that exercise low and high rates,
// odd trees, symbols below and above a block, and symbols in pieces.
var shapes = []struct{ n, length int }{
	{4, 0}, {4, 1}, {4, 13}, {4, 1000}, {4, 20000}, {4, 40000}, {5, 77}, {6, 500}, {7, 1}, {7, 3000}, {7, 45000},
	{10, 300}, {13, 0}, {13, 12345}, {19, 2000}, {31, 100}, {40, 50000},
}

// eachShape runs f with every backend. Where time is short, only the best of a CPU has the
// longest blobs, and pure Go never: the race detector and emulators slow it down twentyfold.
func eachShape(t *testing.T, f func(t *testing.T, c *Code, blob []byte)) {
	for b, backend := range gf.Backends() {
		for _, scheme := range []commit.Scheme{commit.BLAKE3, commit.Walrus} {
			for _, s := range shapes {
				if testing.Short() && (b > 0 || backend == "generic") && s.length > 5000 {
					continue
				}
				t.Run(fmt.Sprintf("%s/%v/n=%d,len=%d", backend, scheme, s.n, s.length), func(t *testing.T) {
					f(t, newCode(t, s.n, WithBackend(backend), WithScheme(scheme), WithWorkers(2)), pattern(s.length, s.n))
				})
			}
		}
	}
}

func TestNaiveEqualsEncode(t *testing.T) {
	eachShape(t, func(t *testing.T, c *Code, blob []byte) {
		e, err := c.Encode(blob)
		if err != nil {
			t.Fatal(err)
		}
		m := newNaive(t, c, blob)
		if differing(m.metadata(len(blob)), e.Metadata(), Primary) >= 0 || differing(m.metadata(len(blob)), e.Metadata(), Secondary) >= 0 {
			t.Error("the roots differ")
		}
		for _, s := range allSlivers(m) {
			if !bytes.Equal(s.Data, e.Sliver(s.SliverRef).Data) {
				t.Errorf("%v differs", s.SliverRef)
			}
		}
	})
}

func TestExpandSymbolProve(t *testing.T) {
	eachShape(t, func(t *testing.T, c *Code, blob []byte) {
		m := newNaive(t, c, blob)
		meta := m.metadata(len(blob))
		for _, s := range allSlivers(m) {
			want := m.expanded(s.SliverRef)
			if got, err := c.Expand(s); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("Expand(%v) differs, %v", s.SliverRef, err)
			}
			prover, err := c.NewProver(s)
			if err != nil || prover.Root() != rootOf(meta, s.SliverRef) {
				t.Fatalf("NewProver(%v) differs, %v", s.SliverRef, err)
			}
			symbols := make([]Symbol, c.params.N)
			for i := range c.params.N {
				symbols[i] = prover.Symbol(i)
				if !bytes.Equal(symbols[i].Data, want[i*m.size:][:m.size]) {
					t.Fatalf("the prover's symbol %d of %v differs", i, s.SliverRef)
				}
				one, err := c.Symbol(s, i)
				if err != nil || !bytes.Equal(one.Data, symbols[i].Data) || one.Row != symbols[i].Row || one.Col != symbols[i].Col {
					t.Fatalf("Symbol(%v, %d) differs, %v", s.SliverRef, i, err)
				}
			}
			for _, err := range c.VerifySymbols(meta, symbols) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestVerifySlivers(t *testing.T) {
	eachShape(t, func(t *testing.T, c *Code, blob []byte) {
		m := newNaive(t, c, blob)
		meta := m.metadata(len(blob))
		slivers := allSlivers(m)
		bad := map[int]error{1: ErrRoot, 3: ErrSize, 4: ErrIndex, 5: ErrAxis, c.params.N + 2: ErrRoot}
		slivers[1].Data[len(slivers[1].Data)-1] ^= 1
		slivers[3].Data = slivers[3].Data[1:]
		slivers[4].Index = c.params.N
		slivers[5].Axis = 2
		slivers[c.params.N+2].Data[0] ^= 1
		for i, err := range c.VerifySlivers(meta, slivers) {
			var e *SliverError
			if !errors.Is(err, bad[i]) || (err != nil) != (errors.As(err, &e) && e.Ref == slivers[i].SliverRef) {
				t.Errorf("%v: %v, want %v", slivers[i].SliverRef, err, bad[i])
			}
			one := c.VerifySliver(meta, slivers[i])
			if (one == nil) != (err == nil) || err != nil && one.Error() != err.Error() {
				t.Errorf("VerifySliver(%v): %v, want %v", slivers[i].SliverRef, one, err)
			}
		}
	})
}

func TestVerifySymbolErrors(t *testing.T) {
	c := newCode(t, 7)
	m := newNaive(t, c, pattern(100, 1))
	meta := m.metadata(100)
	tests := []struct {
		name string
		edit func(*Symbol)
		want error
	}{
		{"right", func(*Symbol) {}, nil},
		{"negative row", func(s *Symbol) { s.Row = -1 }, ErrIndex},
		{"large column", func(s *Symbol) { s.Col = 7 }, ErrIndex},
		{"unknown axis", func(s *Symbol) { s.ProofAxis = 2 }, ErrAxis},
		{"short", func(s *Symbol) { s.Data = s.Data[2:] }, ErrSize},
		{"no proof", func(s *Symbol) { s.Proof = nil }, ErrNoProof},
		{"short proof", func(s *Symbol) { s.Proof = s.Proof[:2] }, commit.ErrProofLength},
		{"wrong data", func(s *Symbol) { s.Data = append([]byte{s.Data[0] ^ 1}, s.Data[1:]...) }, commit.ErrProofRoot},
		{"wrong row", func(s *Symbol) { s.Row++ }, commit.ErrProofRoot},
		{"wrong column", func(s *Symbol) { s.Col-- }, commit.ErrProofRoot},
		{"wrong tree", func(s *Symbol) { s.ProofAxis = s.ProofAxis.Other() }, commit.ErrProofRoot},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := m.symbol(SliverRef{Secondary, 5}, 3)
			tt.edit(&s)
			err := c.VerifySymbol(meta, s)
			var e *SymbolError
			if !errors.Is(err, tt.want) || err != nil && !errors.As(err, &e) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

func TestMetadataOfOthers(t *testing.T) {
	c := newCode(t, 7)
	e, err := c.Encode(pattern(100, 1))
	if err != nil {
		t.Fatal(err)
	}
	s := e.Primary(0)
	sym, err := c.Symbol(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, meta *commit.Metadata, matches func(error) bool) {
		t.Run(name, func(t *testing.T) {
			_, decode := c.Decode(meta, []Sliver{s}, CheckNone)
			_, recovered := c.Recover(meta, s.SliverRef, []Symbol{sym})
			for name, err := range map[string]error{
				"VerifySliver":        c.VerifySliver(meta, s),
				"VerifySlivers":       c.VerifySlivers(meta, []Sliver{s})[0],
				"VerifySymbol":        c.VerifySymbol(meta, sym),
				"VerifySymbols":       c.VerifySymbols(meta, []Symbol{sym})[0],
				"VerifyInconsistency": c.VerifyInconsistency(meta, &InconsistencyProof{Target: s.SliverRef, Symbols: []Symbol{sym}}),
				"Decode":              decode,
				"Recover":             recovered,
			} {
				if !matches(err) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	wrong := func(edit func(*commit.Metadata)) *commit.Metadata {
		m := *e.Metadata()
		edit(&m)
		return &m
	}
	check("scheme", wrong(func(m *commit.Metadata) { m.Scheme = commit.Walrus }), func(err error) bool {
		var e *commit.SchemeError
		return errors.As(err, &e)
	})
	check("shards", wrong(func(m *commit.Metadata) { m.Primary, m.Secondary = m.Primary[:6], m.Secondary[:6] }), func(err error) bool {
		var e *ShardsError
		return errors.As(err, &e) && e.Metadata == 6 && e.Code == 7
	})
	check("roots", wrong(func(m *commit.Metadata) { m.Primary = m.Primary[:6] }), func(err error) bool {
		return errors.Is(err, commit.ErrMetadata)
	})
	check("length", wrong(func(m *commit.Metadata) { m.Length = 1 << 60 }), func(err error) bool {
		var e *commit.TooLargeError
		return errors.As(err, &e)
	})
}
