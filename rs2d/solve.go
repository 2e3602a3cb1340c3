package rs2d

import (
	"github.com/redstuff-go/redstuff/internal/ntstore"
	"github.com/redstuff-go/redstuff/internal/rscode"
)

// plan says what to decode from: exactly P primary or S secondary slivers.
type plan struct {
	axis   Axis
	chosen []int
}

// solver decodes rows of the message matrix from the slivers of a plan.
type solver struct {
	*blob
	axis     Axis  // of the slivers
	along    *line // the code that decodes them, which is the one along the other axis
	from, to int   // rows

	pattern *rscode.Pattern // nil if no sliver is to be computed
	lost    []int           // slivers to compute
	copies  []int           // slivers that are there, and only need to be copied
}

// newSolver compiles how rows from up to to follow from the slivers of the plan.
func newSolver(b *blob, p plan, from, to int) *solver {
	s := &solver{blob: b, axis: p.axis, along: b.c.along[p.axis.Other()], from: from, to: to}
	// Of the source slivers, those along the primary axis are wanted only if they are
	// among the rows.
	first, last := from, to
	if p.axis == Secondary {
		first, last = 0, b.S
	}
	present, wanted := make([]bool, b.N), make([]bool, b.N)
	for _, i := range p.chosen {
		present[i] = true
	}
	for i := first; i < last; i++ {
		if present[i] {
			s.copies = append(s.copies, i)
		} else {
			s.lost, wanted[i] = append(s.lost, i), true
		}
	}
	if len(s.lost) > 0 {
		// There are exactly as many slivers as it takes.
		s.pattern, _ = s.along.codec.Pattern(present, wanted)
	}
	return s
}

// workerBytes is the least work, in bytes of slivers, to start a goroutine for.
const workerBytes = 256 << 10

// solve decodes from count symbols of each sliver, which begin at symbol base of it, into
// out, which has the rows one after another. From primary slivers this is a part of each
// row, from secondary ones these are some of the rows.
func (s *solver) solve(out []byte, slivers [][]byte, base, count int) {
	if count == 0 || s.from == s.to {
		return
	}
	// Symbol t of source sliver i belongs to out[i*sliver+t*symbol:].
	sliver, symbol := s.row, s.size
	if s.axis == Primary {
		out = out[base*s.size:]
	} else {
		out = out[(base-s.from)*s.row:]
		sliver, symbol = symbol, sliver
	}
	index := func(i int) int { // of a source sliver in out
		if s.axis == Primary {
			return i - s.from
		}
		return i
	}
	var lost, sources [][]byte
	if s.pattern != nil {
		lost = make([][]byte, s.N)
		for _, i := range s.lost {
			lost[i] = out[index(i)*sliver:]
		}
		sources = s.pattern.Sources(new(rscode.Sources), slivers)
	}

	var pieces []strip
	for at := range strips(s.size, count, s.along.codec.StripSize()) {
		pieces = append(pieces, at)
	}
	crew := s.c.crew
	workers := max(1, min(crew.Free(), s.along.k*count*s.size/workerBytes))
	spaces := make([]*rscode.Workspace, workers)
	for w := range spaces {
		spaces[w] = s.along.borrow()
		defer s.along.giveBack(spaces[w])
	}
	crew.NewGroup().Do(workers, len(pieces), func(worker, piece int) {
		at := pieces[piece]
		if s.pattern != nil {
			spaces[worker].Reconstruct(s.pattern, at.of(lost, 0, symbol), at.of(sources, 0, s.size))
		}
		if s.axis == Primary {
			from, to := at.first*s.size+at.from, (at.first+at.count-1)*s.size+at.to
			for _, i := range s.copies {
				copy(out[index(i)*sliver+from:][:to-from], slivers[i][from:])
			}
			return
		}
		rows := out[at.first*symbol:]
		for _, i := range s.copies {
			to := ntstore.Rows{Base: rows[i*s.size+at.from:], Stride: symbol}
			from := ntstore.Rows{Base: slivers[i][at.first*s.size+at.from:], Stride: s.size}
			s.c.copier.Gather(to, from, at.to-at.from, at.count)
		}
	})
}
