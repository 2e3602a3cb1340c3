package rs2d

import (
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// naive is an encoding cell by cell, by the definition: the oracle of the tests. Each
// cell is there twice, once as a part of its row and once of its column, so that a
// malicious encoder can be played who commits to different ones.
type naive struct {
	c    *Code
	size int
	view [2][][][]byte // axis, row, column
}

// failer is a test of the standard library, or of rapid.
type failer interface {
	Helper()
	Fatal(args ...any)
}

func newNaive(t failer, c *Code, blob []byte) *naive {
	t.Helper()
	p := c.params
	size, err := p.SymbolSize(uint64(len(blob)))
	if err != nil {
		t.Fatal(err)
	}
	padded := make([]byte, p.P*p.S*size)
	copy(padded, blob)
	m := &naive{c: c, size: size}
	for axis := range m.view {
		m.view[axis] = make([][][]byte, p.N)
		for i := range m.view[axis] {
			m.view[axis][i] = make([][]byte, p.N)
			for j := range m.view[axis][i] {
				m.view[axis][i][j] = make([]byte, size)
			}
		}
	}
	for i := range p.P {
		for j := range p.S {
			copy(m.view[Primary][i][j], padded[(i*p.S+j)*size:])
		}
	}
	m.extend(t)
	return m
}

// extend computes everything from the source symbols in the rows.
func (m *naive) extend(t failer) {
	t.Helper()
	p := m.c.params
	rows, err := rs.New(p.S, p.N-p.S, rs.WithVariant(rs.RS2), rs.WithBackend("generic"))
	if err != nil {
		t.Fatal(err)
	}
	columns, err := rs.New(p.P, p.N-p.P, rs.WithVariant(rs.RS2), rs.WithBackend("generic"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.P {
		if err := rows.Encode(m.view[Primary][i]); err != nil {
			t.Fatal(err)
		}
	}
	for j := range p.N {
		if err := columns.Encode(m.column(Primary, j)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range p.N {
		for j := range p.N {
			copy(m.view[Secondary][i][j], m.view[Primary][i][j])
		}
	}
}

func (m *naive) column(view Axis, j int) [][]byte {
	list := make([][]byte, m.c.params.N)
	for i := range list {
		list[i] = m.view[view][i][j]
	}
	return list
}

// line returns the symbols of a sliver, all n.
func (m *naive) line(ref SliverRef) [][]byte {
	if ref.Axis == Primary {
		return m.view[Primary][ref.Index]
	}
	return m.column(Secondary, ref.Index)
}

// expanded returns them as one slice.
func (m *naive) expanded(ref SliverRef) (all []byte) {
	for _, symbol := range m.line(ref) {
		all = append(all, symbol...)
	}
	return all
}

func (m *naive) tree(ref SliverRef) *commit.Tree {
	leaves := make([]commit.Hash, 0, m.c.params.N)
	for _, symbol := range m.line(ref) {
		leaves = append(leaves, m.c.hasher.Leaf(symbol))
	}
	return m.c.hasher.NewTree(leaves)
}

func (m *naive) metadata(length int) *commit.Metadata {
	meta := &commit.Metadata{Scheme: m.c.Scheme(), Length: uint64(length)}
	for i := range m.c.params.N {
		meta.Primary = append(meta.Primary, m.tree(SliverRef{Primary, i}).Root())
		meta.Secondary = append(meta.Secondary, m.tree(SliverRef{Secondary, i}).Root())
	}
	return meta
}

func (m *naive) sliver(ref SliverRef) Sliver {
	return Sliver{ref, m.expanded(ref)[:sourceSymbols(m.c.params, ref.Axis)*m.size]}
}

// symbol returns the symbol of a sliver, with the proof in its tree.
func (m *naive) symbol(ref SliverRef, i int) Symbol {
	s := symbolOf(ref, i)
	s.Data = m.line(ref)[i]
	s.Proof, s.ProofAxis = m.tree(ref).Proof(i), ref.Axis
	return s
}

// allSlivers lists all 2n of them, primary ones first.
func allSlivers(m *naive) (all []Sliver) {
	for axis := range Axis(2) {
		for i := range m.c.params.N {
			all = append(all, m.sliver(SliverRef{axis, i}))
		}
	}
	return all
}
