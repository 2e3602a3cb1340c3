package prove

import (
	"container/list"
	"fmt"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// place is where a sliver is.
type place struct {
	id  commit.BlobID
	ref store.Ref
}

// expansion is all symbols of a sliver.
type expansion struct {
	place
	once    sync.Once
	symbols []byte
	err     error
	counted int64 // bytes that it is known to have; of the expander
}

// expander gives out symbols of the node's own slivers, and remembers those of the slivers
// that were used last. All who prove or verify go through the blobs in the same order, so
// that a sliver is read and expanded about once. It is safe for concurrent use.
type expander struct {
	store Store
	code  *rs2d.Code
	most  int64         // bytes
	turns chan struct{} // of those who read and compute

	mu    sync.Mutex
	byRef map[place]*list.Element // of *expansion
	order list.List               // what was used last at the front
	bytes int64
}

func newExpander(s Store, code *rs2d.Code, most int64, workers int) *expander {
	return &expander{store: s, code: code, most: most, turns: make(chan struct{}, workers), byRef: make(map[place]*list.Element)}
}

// symbol returns a symbol of a sliver of the node's.
func (x *expander) symbol(at place, i, size int) ([]byte, error) {
	return x.symbolOf(x.expansion(at), i, size)
}

// symbolOf is symbol of an expansion that is held.
func (x *expander) symbolOf(e *expansion, i, size int) ([]byte, error) {
	at := e.place
	e.once.Do(func() {
		if e.symbols, e.err = x.expand(at); e.err == nil {
			x.count(e)
		} else {
			x.forget(e)
		}
	})
	if e.err != nil {
		return nil, e.err
	}
	if len(e.symbols) < (i+1)*size {
		return nil, fmt.Errorf("prove: %v of %d bytes, and its symbols have %d", at.ref, len(e.symbols), size)
	}
	return e.symbols[i*size:][:size], nil
}

func (x *expander) expansion(at place) *expansion {
	x.mu.Lock()
	defer x.mu.Unlock()
	if known := x.byRef[at]; known != nil {
		x.order.MoveToFront(known)
		return known.Value.(*expansion)
	}
	e := &expansion{place: at}
	x.byRef[at] = x.order.PushFront(e)
	return e
}

func (x *expander) expand(at place) ([]byte, error) {
	x.turns <- struct{}{}
	defer func() { <-x.turns }()
	s, err := x.sliver(at)
	if err != nil {
		return nil, err
	}
	return x.code.Expand(s)
}

func (x *expander) sliver(at place) (rs2d.Sliver, error) {
	data, err := x.store.Read(nil, at.id, at.ref, 0, -1)
	ref, other := rs2d.PairSlivers(at.ref.Pair, x.code.Params().N)
	if at.ref.Axis == rs2d.Secondary {
		ref = other
	}
	return rs2d.Sliver{SliverRef: ref, Data: data}, err
}

// count takes the memory of an expansion from that of others.
func (x *expander) count(e *expansion) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e.counted = int64(len(e.symbols))
	x.bytes += e.counted
	for last := x.order.Back(); x.bytes > x.most && last != nil; {
		before := last.Prev()
		if old := last.Value.(*expansion); old != e && old.counted > 0 {
			x.remove(last)
		}
		last = before
	}
}

// forget has a sliver read again that could not be read.
func (x *expander) forget(e *expansion) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if known := x.byRef[e.place]; known != nil && known.Value.(*expansion) == e {
		x.remove(known)
	}
}

// remove forgets an expansion. The expander is locked.
func (x *expander) remove(at *list.Element) {
	e := at.Value.(*expansion)
	x.bytes -= e.counted
	x.order.Remove(at)
	delete(x.byRef, e.place)
}
