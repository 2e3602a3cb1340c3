package store

import (
	"sync"

	"github.com/redstuff-go/redstuff/commit"
)

// recent has what there is of the blobs that were changed last. What is written is looked
// at several times within a moment: by who adds slivers, who certifies, and who asks
// whether the node has all; and before that several times in vain. The zero value is empty.
type recent struct {
	mu         sync.Mutex
	young, old map[commit.BlobID]blobIndex
	size       int // of young

	absent  map[commit.BlobID]struct{} // blobs of which there is nothing
	changes uint64                     // how often something was set
}

// maxRecent bounds a generation, in slivers and blobs: they take about 4 MB.
const maxRecent = 1 << 16

// maxAbsent bounds the blobs of which it is remembered that there is nothing.
const maxAbsent = 1 << 12

// get returns what there is of a blob, if that is known, and how often something was set.
// Nobody may change what it shares.
func (r *recent) get(id commit.BlobID) (x blobIndex, ok bool, changes uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x, ok = r.young[id]; !ok {
		x, ok = r.old[id]
	}
	if !ok {
		_, ok = r.absent[id]
	}
	return x, ok, r.changes
}

// missing notes that nothing of a blob was in the database, which was read after get. Of one
// that was set since it notes nothing.
func (r *recent) missing(id commit.BlobID, changes uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changes != changes {
		return
	}
	if r.absent == nil || len(r.absent) >= maxAbsent {
		r.absent = make(map[commit.BlobID]struct{})
	}
	r.absent[id] = struct{}{}
}

// set notes what there is of a blob from now on. The blob is locked.
func (r *recent) set(id commit.BlobID, x blobIndex) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	delete(r.absent, id)
	if x.empty() {
		delete(r.young, id)
		delete(r.old, id)
		return
	}
	if r.young == nil || r.size >= maxRecent {
		r.young, r.old, r.size = make(map[commit.BlobID]blobIndex), r.young, 0
	}
	r.young[id] = x
	r.size += 1 + len(x.slivers)
}
