package server

import (
	"io"

	"github.com/redstuff-go/redstuff/internal/reuse"
	"github.com/redstuff-go/redstuff/node/store"
)

const (
	// firstRoom is how much memory there is for slivers before any of them comes.
	firstRoom = 1 << 20
	// reused is how much memory is worth keeping for others.
	reused = 8 << 10
)

// arena is memory where slivers lie one after another as they will in a file of the store, which
// takes them from there. It grows as they come. Memory that was another's is all of it there at
// once: there is less of it than others had a moment ago, who were charged for it, and so is
// whoever gets it, as slivers come.
type arena struct {
	memory *reuse.Pools[[]byte]
	most   int    // bytes of all slivers that are in it at once
	room   []byte // begins with a page
	begin  int    // of the first sliver: as far from the begin of a page as it is in the file
	end    int    // of the last one
}

// take reads a sliver of n bytes, and calls moved if those that were there lie elsewhere now. Sums
// are nil where the sliver is short.
func (a *arena) take(r io.Reader, n int, moved func(slivers []byte)) (data []byte, sums *store.Sums, err error) {
	if n >= reused {
		sums = new(store.Sums)
	}
	for at := a.end; at < a.end+n; {
		if at == len(a.room) {
			a.grow(at, n)
			moved(a.room[a.begin:a.end])
		}
		read, err := r.Read(a.room[at:min(a.end+n, len(a.room))])
		sums.Add(a.room[at:][:read])
		if at += read; err != nil {
			return nil, nil, err
		}
	}
	a.end += n
	return a.room[a.end-n : a.end], sums, nil
}

// grow makes room for more than has come up to a place, for a sliver of n bytes.
func (a *arena) grow(at, n int) {
	most := max(a.begin+a.most, a.end+n)
	room, ok := a.memory.Get(most)
	if !ok || len(room) <= at {
		size := max(2*len(a.room), firstRoom)
		if 2*size > most {
			size = most
		}
		room = store.Room(size)
	}
	copy(room[a.begin:], a.room[a.begin:at])
	a.room = room
}

// clear forgets all slivers, which were written.
func (a *arena) clear() {
	a.begin = a.end % store.Page
	a.end = a.begin
}

// giveUp leaves the memory to others.
func (a *arena) giveUp() {
	if len(a.room) >= reused {
		a.memory.Put(a.room, len(a.room))
	}
	a.room = nil
}
