package rs

import (
	"sync"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/internal/bitset"
	"github.com/redstuff-go/redstuff/internal/gf16"
	"github.com/redstuff-go/redstuff/internal/parallel"
	"github.com/redstuff-go/redstuff/internal/rscode"
)

// jobs is the pool of jobs of a codec.
type jobs struct {
	code *rscode.Code
	crew *parallel.Crew
	pool sync.Pool // of *job
}

func (js *jobs) init(code *rscode.Code, crew *parallel.Crew) {
	js.code, js.crew = code, crew
	js.pool.New = func() any { return newJob(js) }
}

// get returns a job on the shards, each of size bytes.
func (js *jobs) get(shards [][]byte, size int) *job {
	j := js.pool.Get().(*job)
	j.size, j.shards = size, shards
	return j
}

// job is one call on whole shards. It is cut in pieces for the workers, and a piece in
// strips for the caches. Jobs are pooled, and their memory is reused.
type job struct {
	jobs   *jobs
	group  *parallel.Group
	spaces []*rscode.Workspace // one a worker

	size, piece, strip int  // bytes of a shard, and of a piece and a strip of it
	prefetch           bool // what a strip reads is prefetched during the one before

	shards   [][]byte
	pattern  *rscode.Pattern
	list     rscode.Sources // the memory of sources
	sources  [][]byte       // what decoding reads
	wanted   [][]byte       // what decoding writes
	inPlace  [][]byte       // what of it is memory of the caller
	parity   [][]byte       // the parity to encode, nil where none is wanted
	some     [][]byte       // the memory of that list, if it is not the caller's
	data     [][]byte       // the data to encode it from
	missing  bitset.Set
	required bitset.Set // of those missing
	differs  atomic.Bool

	strips                                     func(worker, piece int)
	encodeStrip, reconstructStrip, verifyStrip func(w *rscode.Workspace, off, size int)
	do                                         func(w *rscode.Workspace, off, size int)
}

func newJob(js *jobs) *job {
	j := &job{jobs: js, group: js.crew.NewGroup()}
	j.strips = j.doStrips
	j.encodeStrip, j.reconstructStrip, j.verifyStrip = j.encode, j.reconstruct, j.verify
	return j
}

// release returns the job to the pool without the caller's shards.
func (j *job) release() {
	j.shards, j.sources, j.parity, j.pattern = nil, nil, nil, nil
	j.list.Clear()
	for _, list := range []*[][]byte{&j.wanted, &j.inPlace, &j.some, &j.data} {
		clear(*list)
		*list = (*list)[:0]
	}
	j.jobs.pool.Put(j)
}

// run does every strip.
func (j *job) run(do func(w *rscode.Workspace, off, size int)) {
	code := j.jobs.code
	j.do, j.strip, j.piece, j.prefetch = do, code.StripSize(), j.size, false
	total := code.Total() * j.size
	workers := j.jobs.crew.Free()
	encodes := j.pattern == nil && len(j.parity) > 0
	if encodes {
		j.strip, j.prefetch = code.EncodeStrip(total, workers)
	}
	most := pieceBytes
	if encodes && code.Few != nil {
		// Rows in registers need no strips, and long runs of every shard are best.
		j.strip, most = j.size, fewPieceBytes
	}
	if workers > 1 {
		// A piece for every worker, if they are worth the start of a goroutine.
		share := ((j.size+workers-1)/workers + gf16.BlockSize - 1) &^ (gf16.BlockSize - 1)
		if j.prefetch {
			most = 2 * j.strip // so that half of the strips can be prefetched
		}
		j.piece = min(most, max(share, minShare/code.Total()&^(gf16.BlockSize-1), gf16.BlockSize))
		j.strip = min(j.strip, j.piece)
	}
	pieces := (j.size + j.piece - 1) / j.piece
	for len(j.spaces) < min(workers, pieces) {
		j.spaces = append(j.spaces, code.NewWorkspace())
	}
	for _, w := range j.spaces {
		w.Stream = total >= streamBytes
	}
	j.group.Do(workers, pieces, j.strips)
	j.do = nil
}

// pieceBytes is how much of every shard a worker takes at a time: a page, because a
// processor prefetches up to the end of a page, and with less it would fetch what another
// core works on. At 16 KiB a shard, workers that take strips in turn need half as long
// again.
const pieceBytes = 4096

// fewPieceBytes is the same where all rows of a code are in registers.
const fewPieceBytes = 64 << 10

// minShare is the least work, in bytes of all shards, to start a goroutine for.
const minShare = 256 << 10

// streamBytes is how large all shards together are when the parity that is stored first
// has left the last cache before the rest is stored.
const streamBytes = 24 << 20

// doStrips does the strips of a piece.
func (j *job) doStrips(worker, piece int) {
	end := min(j.size, (piece+1)*j.piece)
	w := j.spaces[worker]
	w.Prefetch = 0
	if j.prefetch {
		w.Prefetch = end
	}
	for off := piece * j.piece; off < end; off += j.strip {
		j.do(w, off, min(j.strip, end-off))
	}
}

// stripOf returns the strip of shards that is size bytes from off on.
func stripOf(shards [][]byte, off, size int) rscode.Symbols {
	return rscode.Symbols{Shards: shards, Off: off, Size: size, Count: 1}
}

// encode is the work of Encode on one strip.
func (j *job) encode(w *rscode.Workspace, off, size int) {
	w.Encode(stripOf(j.parity, off, size), stripOf(j.shards[:j.jobs.code.Data], off, size))
}

// reconstruct is the work of Reconstruct on one strip: parity that the pattern does not
// restore is encoded, once the data is there.
func (j *job) reconstruct(w *rscode.Workspace, off, size int) {
	w.Reconstruct(j.pattern, stripOf(j.wanted, off, size), stripOf(j.sources, off, size))
	if len(j.parity) > 0 {
		j.encode(w, off, size)
	}
}

// verify is the work of Verify on one strip.
func (j *job) verify(w *rscode.Workspace, off, size int) {
	if j.differs.Load() {
		return
	}
	parity, data := stripOf(j.shards[j.jobs.code.Data:], off, size), stripOf(j.shards[:j.jobs.code.Data], off, size)
	if !w.Verify(parity, data) {
		j.differs.Store(true)
	}
}
