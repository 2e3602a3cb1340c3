package store

import (
	"sync"

	"github.com/redstuff-go/redstuff/commit"
)

// recent has what there is of the blobs that were changed last. What is written is looked
// at several times within a moment: by who adds slivers, who certifies, and who asks
// whether the node has all. The zero value is empty.
type recent struct {
	mu         sync.Mutex
	young, old map[commit.BlobID]blobIndex
	size       int // of young
}

// maxRecent bounds a generation, in slivers and blobs: they take about 4 MB.
const maxRecent = 1 << 16

// get returns what there is of a blob. Nobody may change what it shares.
func (r *recent) get(id commit.BlobID) (x blobIndex, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x, ok = r.young[id]; !ok {
		x, ok = r.old[id]
	}
	return x, ok
}

// set notes what there is of a blob from now on. The blob is locked.
func (r *recent) set(id commit.BlobID, x blobIndex) {
	r.mu.Lock()
	defer r.mu.Unlock()
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
