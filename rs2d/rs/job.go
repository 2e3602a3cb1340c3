package rs

import (
	"math"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/internal/parallel"
)

// job is one call on whole shards, cut in pieces for the workers and those in strips
// for the caches. Jobs are pooled: what they hold is reused.
type job struct {
	c      *Codec
	group  *parallel.Group
	spaces []*Workspace // one a worker

	size, piece, strip int  // bytes of a shard, and of a piece and a strip of it
	ahead              bool // what a strip reads is fetched during the one before

	shards   [][]byte
	pattern  *Pattern
	list     Sources  // the memory of sources
	sources  [][]byte // what decoding reads
	wanted   [][]byte // what decoding writes
	parity   [][]byte // the parity to encode, nil where none is wanted
	data     [][]byte // the data to encode it from
	missing  bitset
	required bitset // of those missing
	differs  atomic.Bool

	strips                                     func(worker, piece int)
	encodeStrip, reconstructStrip, verifyStrip func(w *Workspace, off, size int)
	do                                         func(w *Workspace, off, size int)
}

func newJob(c *Codec) *job {
	j := &job{c: c, group: c.crew.NewGroup()}
	j.strips = j.doStrips
	j.encodeStrip, j.reconstructStrip, j.verifyStrip = j.encode, j.reconstruct, j.verify
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

// run does every strip.
func (j *job) run(do func(w *Workspace, off, size int)) {
	c := j.c
	j.do, j.strip, j.piece = do, c.StripSize(), j.size
	total := c.TotalShards() * j.size
	workers := c.crew.Free()
	encodes := j.pattern == nil && len(j.parity) > 0
	j.ahead = encodes && !c.few && c.recodeSize > 0 && total >= aheadBytes
	if j.ahead || encodes && workers == 1 && total >= c.wideTotal() {
		j.strip = c.wideStrip()
	}
	most := pieceBytes
	if encodes && c.few {
		// Rows in registers need no strips, and long runs of every shard are best.
		j.strip, most = j.size, fewPieceBytes
	}
	if workers > 1 {
		// A piece for every worker, if they are worth the start of a goroutine.
		share := ((j.size+workers-1)/workers + gf.BlockSize - 1) &^ (gf.BlockSize - 1)
		if j.ahead {
			most = 2 * j.strip // so that half of the strips can be fetched ahead
		}
		j.piece = min(most, max(share, minShare/c.TotalShards()&^(gf.BlockSize-1), gf.BlockSize))
		j.strip = min(j.strip, j.piece)
	}
	pieces := (j.size + j.piece - 1) / j.piece
	for len(j.spaces) < min(workers, pieces) {
		j.spaces = append(j.spaces, c.NewWorkspace())
	}
	for _, w := range j.spaces {
		w.stream = total >= streamBytes
	}
	j.group.Do(workers, pieces, j.strips)
	j.do = nil
}

// pieceBytes is how much of every shard a worker takes at a time: a page, since what
// the processor fetches ahead of a core would otherwise be another core's strip. At
// 16 KiB a shard, workers that take strips in turn need half as long again.
const pieceBytes = 4096

// fewPieceBytes is the same where all rows of a code are in registers.
const fewPieceBytes = 64 << 10

// minShare is the least work, in bytes of all shards, to start a goroutine for.
const minShare = 256 << 10

// streamBytes is how large all shards are when the first parity has left the last
// cache before the last is stored.
const streamBytes = 24 << 20

// aheadBytes is how large all shards are when wide strips are worth fetching ahead.
const aheadBytes = 192 << 20

// wideTotal is how large all shards are when one core gains from wide strips alone.
// Several, each with a few strips of pages that are theirs, do not.
func (c *Codec) wideTotal() int {
	switch {
	case c.smallBlocks() && c.k >= manyBlocks*c.code.c:
		return 0
	case c.smallBlocks():
		return 4 << 20
	case c.recodeSize > 0:
		return 8 << 20
	}
	return math.MaxInt
}

// manyBlocks is how many blocks of data make each other leave the caches, so that wide
// strips of them are best whatever they are in all.
const manyBlocks = 32

// doStrips does the strips of a piece.
func (j *job) doStrips(worker, piece int) {
	end := min(j.size, (piece+1)*j.piece)
	w := j.spaces[worker]
	w.ahead = 0
	if j.ahead {
		w.ahead = end
	}
	for off := piece * j.piece; off < end; off += j.strip {
		j.do(w, off, min(j.strip, end-off))
	}
}

// stripOf returns the strip of shards that is size bytes from off on.
func stripOf(shards [][]byte, off, size int) Symbols {
	return Symbols{Shards: shards, Off: off, Size: size, Count: 1}
}

func (j *job) encode(w *Workspace, off, size int) {
	w.Encode(stripOf(j.parity, off, size), stripOf(j.shards[:j.c.k], off, size))
}

func (j *job) reconstruct(w *Workspace, off, size int) {
	w.Reconstruct(j.pattern, stripOf(j.wanted, off, size), stripOf(j.sources, off, size))
	if len(j.parity) > 0 {
		j.encode(w, off, size)
	}
}

func (j *job) verify(w *Workspace, off, size int) {
	if j.differs.Load() {
		return
	}
	parity, data := stripOf(j.shards[j.c.k:], off, size), stripOf(j.shards[:j.c.k], off, size)
	if !w.verify(&parity, &data) {
		j.differs.Store(true)
	}
}
