package challenge_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/rs2d"
)

// sliverRows are rows that are expanded from slivers, as a node reads them from its disk:
// each once for a blob.
type sliverRows struct {
	honestRows
	code     *rs2d.Code
	blob     int
	expanded map[int][]byte // of the blob, by shard
}

func (s *sliverRows) Symbol(c challenge.Cell) ([]byte, error) {
	if s.expanded == nil || c.Blob != s.blob {
		s.blob, s.expanded = c.Blob, make(map[int][]byte)
	}
	if s.expanded[c.Row] == nil {
		row, err := s.code.Expand(s.honestRows[c.Blob].blob.Primary(c.Row))
		if err != nil {
			return nil, err
		}
		s.expanded[c.Row] = row
	}
	n := s.honestRows[c.Blob].blob.SymbolSize()
	return s.expanded[c.Row][s.honestRows[c.Blob].column(c.Column)*n:][:n], nil
}

// sliverColumns are columns that are expanded so.
type sliverColumns struct {
	ownColumns
	code     *rs2d.Code
	blob     int
	expanded map[int][]byte
}

func (s *sliverColumns) Symbol(c challenge.Cell) ([]byte, error) {
	if s.expanded == nil || c.Blob != s.blob {
		s.blob, s.expanded = c.Blob, make(map[int][]byte)
	}
	m := s.honestRows[c.Blob]
	if s.expanded[c.Column] == nil {
		column, err := s.code.Expand(m.blob.Secondary(m.column(c.Column)))
		if err != nil {
			return nil, err
		}
		s.expanded[c.Column] = column
	}
	n := m.blob.SymbolSize()
	return s.expanded[c.Column][c.Row*n:][:n], nil
}

// BenchmarkPair is what one of ten nodes with 100 shards does to prove a blob of 1 MiB to
// another, and what that does to verify it.
func BenchmarkPair(b *testing.B) {
	m := newMatrix(b, 100, 1<<20, rand.New(rand.NewPCG(1, 100)))
	blobs := honestRows{m, m, m, m}
	prover, verifier := make([]int, 10), make([]int, 10)
	for i := range 10 {
		prover[i], verifier[i] = i, 90+i
	}
	grid := gridOf(blobs, prover, verifier)
	var wire [][]byte
	send := func(b *testing.B) {
		wire = wire[:0]
		p := challenge.NewProver(grid, &sliverRows{honestRows: blobs, code: m.code})
		for {
			s, more, err := p.Next()
			if err != nil {
				b.Fatal(err)
			}
			if !more {
				return
			}
			wire = append(wire, challenge.MarshalMessage(s))
		}
	}
	b.Run("prove", func(b *testing.B) {
		for b.Loop() {
			send(b)
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(blobs)), "µs/blob")
		b.ReportMetric(float64(len(bytes.Join(wire, nil)))/float64(len(blobs)), "B/blob")
	})
	b.Run("verify", func(b *testing.B) {
		send(b)
		for b.Loop() {
			v := challenge.NewVerifier(grid, &sliverColumns{ownColumns: ownColumns{honestRows: blobs}, code: m.code})
			for _, data := range wire {
				s, err := challenge.ParseMessage(data)
				if err != nil {
					b.Fatal(err)
				}
				if err := v.Symbols(s.(challenge.Symbols)); err != nil {
					b.Fatal(err)
				}
			}
			if !v.Done() {
				b.Fatal("not done")
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(blobs)), "µs/blob")
	})
}
