package rs2d

import (
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/lanehash"
	"github.com/redstuff-go/redstuff/internal/parallel"
	"github.com/redstuff-go/redstuff/internal/rscode"
)

// line is what there is along slivers of one axis: the code that extends their k symbols
// to n, and the trees over these. It is immutable and safe for concurrent use.
type line struct {
	n, k  int
	codec *rscode.Code
	lanes *lanehash.Hasher
	crew  *parallel.Crew

	spaces sync.Pool // of *rscode.Workspace
}

// borrow returns a workspace. It goes back by giveBack.
func (l *line) borrow() *rscode.Workspace {
	if w, ok := l.spaces.Get().(*rscode.Workspace); ok {
		return w
	}
	return l.codec.NewWorkspace()
}

func (l *line) giveBack(w *rscode.Workspace) { l.spaces.Put(w) }

// expand returns all symbols of a sliver, of size bytes each.
func (l *line) expand(sliver []byte, size int) []byte {
	all := make([]byte, l.n*size)
	copy(all, sliver)
	x := l.scratch()
	defer x.release()
	for j := range l.n {
		x.shards = append(x.shards, all[j*size:])
	}
	for at := range strips(size, 1, l.codec.StripSize()) {
		x.space.Encode(at.of(x.shards[l.k:], 0, 0), at.of(x.shards[:l.k], 0, 0))
	}
	return all
}

// symbol computes symbol i of a sliver into dst, which has the size of one.
func (l *line) symbol(dst, sliver []byte, i int) {
	size := len(dst)
	if i < l.k {
		copy(dst, sliver[i*size:])
		return
	}
	x := l.scratch()
	defer x.release()
	x.shards, x.wanted = resize(x.shards, l.n), resize(x.wanted, l.n)
	for j := range l.k {
		x.shards[j] = sliver[j*size:][:size]
	}
	clear(x.shards[l.k:])
	clear(x.wanted)
	x.wanted[i] = dst
	if pattern := l.codec.ParityPattern(i); pattern.Sums() {
		for at := range strips(size, 1, l.codec.StripSize()) {
			x.space.Reconstruct(pattern, at.of(x.wanted, 0, 0), at.of(x.shards, 0, 0))
		}
		return
	}
	// Codes of few shards have nothing to gain from a sum.
	for at := range strips(size, 1, l.codec.StripSize()) {
		x.space.Encode(at.of(x.wanted[l.k:], 0, 0), at.of(x.shards[:l.k], 0, 0))
	}
}

// solve computes a sliver, and its root, from exactly k of its n symbols of size bytes;
// the others are nil. The sliver is in dst's memory if it suffices. If the leaves of the
// symbols are known, leaf returns them.
func (l *line) solve(dst []byte, size int, symbols [][]byte, leaf func(j int) *commit.Hash) ([]byte, commit.Hash) {
	x := l.expansion(size, 1)
	defer x.release()
	data := resize(dst, l.k*size)
	x.shards, x.wanted = resize(x.shards, len(symbols)), resize(x.wanted, len(symbols))
	for j, symbol := range symbols {
		x.shards[j], x.wanted[j] = nil, nil
		if j < l.k {
			x.shards[j] = data[j*size:][:size]
			if symbol == nil {
				x.wanted[j] = x.shards[j]
			} else {
				copy(x.shards[j], symbol)
			}
		}
	}
	if pattern := x.pattern(symbols); pattern != nil {
		sources := pattern.Sources(&x.sources, symbols)
		for at := range strips(size, 1, l.codec.StripSize()) {
			x.space.Reconstruct(pattern, at.of(x.wanted, 0, 0), at.of(sources, 0, 0))
		}
	}
	if leaf != nil {
		return data, x.rootOfRest(data, symbols, leaf)
	}
	return data, x.root(data)
}

// roots computes the roots of slivers with symbols of size bytes, on all free cores.
func (l *line) roots(size int, slivers [][]byte) []commit.Hash {
	roots := make([]commit.Hash, len(slivers))
	if len(slivers) == 0 {
		return roots
	}
	// A leaf and a node are two blocks to hash, and each further block of a symbol
	// is another one.
	blocks := len(slivers) * l.n * (2 + size/64)
	workers := max(1, min(l.crew.Free(), blocks/workerBlocks))
	share := (len(slivers) + workers - 1) / workers
	expansions := make([]*expansion, workers)
	for w := range expansions {
		expansions[w] = l.expansion(size, share)
		defer expansions[w].release()
	}
	room := expansions[0].room
	l.crew.NewGroup().Do(workers, (len(slivers)+room-1)/room, func(worker, piece int) {
		from := piece * room
		to := min(from+room, len(slivers))
		expansions[worker].roots(roots[from:to], slivers[from:to])
	})
	return roots
}

// workerBlocks is the least work, in blocks to hash, to start a goroutine for: some
// tenths of a millisecond.
const workerBlocks = 16 << 10
