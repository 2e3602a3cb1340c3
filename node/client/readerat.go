package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
)

// readerAtBytes is how many bytes of verified rows a ReaderAt keeps, or two rows.
const readerAtBytes = 32 << 20

// ReaderAt reads a blob at any place, as [Client.ReadRange] does. Slivers are verified as
// a whole, so a few of them are kept: 32 MiB, or two if they are longer. It is safe for
// concurrent use, and needs no closing.
type ReaderAt struct {
	ctx    context.Context
	client *Client
	id     commit.BlobID
	size   int64
	row    int64 // bytes of a sliver
	most   int   // rows that are kept

	mu    sync.Mutex
	rows  map[int64]*cachedRow
	order []int64 // of the rows, the last used last
}

// cachedRow is a row that is there, or is being fetched.
type cachedRow struct {
	ready chan struct{} // closed when data or err is set
	data  []byte
	err   error
}

// NewReaderAt begins to read a blob. The context is that of all reads, each of which has
// the client's timeout unless the context has a deadline. The error is one of those of
// [Client.Metadata].
func NewReaderAt(ctx context.Context, c *Client, id commit.BlobID) (*ReaderAt, error) {
	meta, err := c.Metadata(ctx, id)
	if err != nil {
		return nil, err
	}
	if meta.Length > math.MaxInt64 {
		return nil, ErrTooLarge
	}
	size, err := c.code.Params().SymbolSize(meta.Length)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	row := int64(c.code.Params().S * size)
	return &ReaderAt{
		ctx: ctx, client: c, id: id, size: int64(meta.Length), row: row,
		most: max(2, int(readerAtBytes/row)), rows: make(map[int64]*cachedRow),
	}, nil
}

// Size returns the blob's length in bytes.
func (r *ReaderAt) Size() int64 { return r.size }

// ReadAt reads bytes of the blob, see io.ReaderAt. The error is io.EOF at its end, or one
// of those of [Client.ReadRange].
func (r *ReaderAt) ReadAt(p []byte, off int64) (n int, err error) {
	switch {
	case off < 0:
		return 0, errors.New("client: ReadAt at a negative offset")
	case off >= r.size:
		return 0, io.EOF
	}
	if most := r.size - off; int64(len(p)) > most {
		p, err = p[:most], io.EOF
	}
	for n < len(p) {
		first := (off + int64(n)) / r.row
		last := min((off+int64(len(p))-1)/r.row, first+int64(r.most/2)-1)
		for i, row := range r.fetch(first, last) {
			<-row.ready
			if row.err != nil {
				return n, row.err
			}
			n += copy(p[n:], row.data[off+int64(n)-(first+int64(i))*r.row:])
		}
	}
	return n, err
}

// fetch returns rows [first, last]. Those that nobody has fetched yet are fetched, as many
// at a time as follow each other.
func (r *ReaderAt) fetch(first, last int64) (rows []*cachedRow) {
	r.mu.Lock()
	var own []int64
	for i := first; i <= last; i++ {
		row := r.rows[i]
		if row == nil {
			row = &cachedRow{ready: make(chan struct{})}
			r.rows[i] = row
			own = append(own, i)
		}
		r.use(i)
		rows = append(rows, row)
	}
	r.mu.Unlock()
	for len(own) > 0 {
		run := 1
		for run < len(own) && own[run] == own[run-1]+1 {
			run++
		}
		r.read(rows[own[0]-first:][:run], own[0])
		own = own[run:]
	}
	return rows
}

// use notes that a row is used, and forgets the one that was used longest ago if there are
// too many. r.mu is held.
func (r *ReaderAt) use(i int64) {
	if at := slices.Index(r.order, i); at >= 0 {
		r.order = slices.Delete(r.order, at, at+1)
	}
	if r.order = append(r.order, i); len(r.order) > r.most {
		delete(r.rows, r.order[0])
		r.order = slices.Delete(r.order, 0, 1)
	}
}

// read reads rows from the first on. Those that cannot be read are forgotten.
func (r *ReaderAt) read(rows []*cachedRow, first int64) {
	off := first * r.row
	n := min(r.size-off, int64(len(rows))*r.row)
	data, err := r.client.ReadRange(r.ctx, r.id, uint64(off), uint64(n))
	for i, row := range rows {
		if row.err = err; err == nil {
			at := int64(i) * r.row
			// Each row has memory of its own, or the last of them would keep all of it.
			if row.data = data[at:min(n, at+r.row)]; len(rows) > 1 {
				row.data = slices.Clone(row.data)
			}
		}
		close(row.ready)
	}
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, row := range rows {
		if at := first + int64(i); r.rows[at] == row {
			delete(r.rows, at)
			r.order = slices.DeleteFunc(r.order, func(other int64) bool { return other == at })
		}
	}
}
