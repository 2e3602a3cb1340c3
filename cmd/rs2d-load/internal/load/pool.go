package load

import (
	"math/rand/v2"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
)

// stored is a blob that the committee acknowledged.
type stored struct {
	k     uint64 // its number
	id    commit.BlobID
	wrong bool // encoded inconsistently: nobody is to read it
}

// pool is all that was acknowledged. It is safe for concurrent use.
type pool struct {
	mu    sync.Mutex
	blobs []stored
}

func (p *pool) add(s stored) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blobs = append(p.blobs, s)
}

// pick returns one of the blobs by chance, and false if there is none.
func (p *pool) pick(r *rand.Rand) (stored, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.blobs) == 0 {
		return stored{}, false
	}
	return p.blobs[r.IntN(len(p.blobs))], true
}

// all returns the blobs there are. They must not be changed.
func (p *pool) all() []stored {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.blobs[:len(p.blobs):len(p.blobs)]
}
