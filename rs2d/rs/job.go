package rs

import (
	"sync/atomic"

	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/internal/parallel"
)

// job is one call on whole shards, cut in strips for the workers. Jobs are pooled:
// what they hold is reused.
type job struct {
	c      *Codec
	group  *parallel.Group
	spaces []*Workspace // one a worker

	size, strip int // bytes of a shard and of a strip of it
	shards      [][]byte
	pattern     *Pattern
	list        Sources  // the memory of sources
	sources     [][]byte // what decoding reads
	wanted      [][]byte // what decoding writes
	parity      [][]byte // the parity to encode, nil where none is wanted
	data        [][]byte // the data to encode it from
	present     []bool
	required    []bool
	differs     atomic.Bool

	encodePiece, reconstructPiece, verifyPiece func(worker, piece int)
}

func newJob(c *Codec) *job {
	j := &job{c: c, group: c.crew.NewGroup()}
	j.encodePiece, j.reconstructPiece, j.verifyPiece = j.encode, j.reconstruct, j.verify
	return j
}

func (c *Codec) newJob(shards [][]byte, size int) *job {
	j := c.pool.Get().(*job)
	j.size, j.shards = size, shards
	return j
}

// release returns the job to the pool without the caller's shards.
func (j *job) release() {
	j.shards, j.sources, j.pattern = nil, nil, nil
	j.list.Clear()
	for _, list := range []*[][]byte{&j.wanted, &j.parity, &j.data} {
		clear(*list)
		*list = (*list)[:0]
	}
	j.c.pool.Put(j)
}

// run calls piece for every strip.
func (j *job) run(piece func(worker, piece int)) {
	c := j.c
	j.strip = c.StripSize()
	workers := c.crew.Free()
	if workers > 1 {
		// A strip for every worker, if they are worth the start of a goroutine.
		share := ((j.size+workers-1)/workers + gf.BlockSize - 1) &^ (gf.BlockSize - 1)
		j.strip = min(j.strip, max(share, minShare/c.TotalShards()&^(gf.BlockSize-1), gf.BlockSize))
	}
	pieces := (j.size + j.strip - 1) / j.strip
	for len(j.spaces) < min(workers, pieces) {
		j.spaces = append(j.spaces, c.NewWorkspace())
	}
	for _, w := range j.spaces {
		w.stream = c.TotalShards()*j.size >= streamBytes
	}
	j.group.Do(workers, pieces, piece)
}

// minShare is the least work, in bytes of all shards, to start a goroutine for.
const minShare = 256 << 10

// streamBytes is how large all shards are when the first parity has left the last
// cache before the last is stored.
const streamBytes = 24 << 20

// symbols returns a strip of shards.
func (j *job) symbols(shards [][]byte, piece int) Symbols {
	off := piece * j.strip
	return Symbols{Shards: shards, Off: off, Size: min(j.strip, j.size-off), Count: 1}
}

func (j *job) encode(worker, piece int) {
	j.spaces[worker].Encode(j.symbols(j.parity, piece), j.symbols(j.shards[:j.c.k], piece))
}

func (j *job) reconstruct(worker, piece int) {
	w := j.spaces[worker]
	w.Reconstruct(j.pattern, j.symbols(j.wanted, piece), j.symbols(j.sources, piece))
	if len(j.parity) > 0 {
		w.Encode(j.symbols(j.parity, piece), j.symbols(j.shards[:j.c.k], piece))
	}
}

func (j *job) verify(worker, piece int) {
	if j.differs.Load() {
		return
	}
	parity, data := j.symbols(j.shards[j.c.k:], piece), j.symbols(j.shards[:j.c.k], piece)
	if !j.spaces[worker].verify(&parity, &data) {
		j.differs.Store(true)
	}
}
