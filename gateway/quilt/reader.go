package quilt

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/bcs"
)

// Columns fetches the columns [from, to) of a quilt's matrix, one after another: the
// secondary slivers of these indices, verified.
type Columns func(ctx context.Context, from, to int) ([]byte, error)

// Reader reads from one quilt. It is safe for concurrent use if its Columns are.
type Reader struct {
	params  commit.Params
	symbol  int
	columns Columns

	mu    sync.Mutex
	index []Patch // nil until it was read
}

// NewReader returns a reader of the blob of so many bytes, which need not be a quilt:
// that shows when its index is read. The error is ErrNotQuilt if no quilt has that
// length.
func NewReader(p commit.Params, length uint64, columns Columns) (*Reader, error) {
	symbol, err := p.SymbolSize(length)
	if err != nil || length == 0 || length != uint64(p.P)*uint64(p.S)*uint64(symbol) {
		return nil, fmt.Errorf("%w: no quilt of this code has %d bytes", ErrNotQuilt, length)
	}
	return &Reader{params: p, symbol: symbol, columns: columns}, nil
}

// ColumnsOf returns the Columns of a blob that is in memory.
func ColumnsOf(p commit.Params, blob []byte) Columns {
	return func(_ context.Context, from, to int) ([]byte, error) {
		symbol := len(blob) / (p.P * p.S)
		run := make([]byte, 0, (to-from)*p.P*symbol)
		for column := from; column < to; column++ {
			for row := range p.P {
				run = append(run, blob[(row*p.S+column)*symbol:][:symbol]...)
			}
		}
		return run, nil
	}
}

// Patches returns the quilt's patches, in the order of their columns. It reads at
// most ten columns, once. The error is that of the columns, or wraps ErrNotQuilt or
// ErrMalformed.
func (r *Reader) Patches(ctx context.Context) ([]Patch, error) {
	r.mu.Lock()
	index := r.index
	r.mu.Unlock()
	if index != nil {
		return slices.Clone(index), nil
	}
	index, err := r.readIndex(ctx)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.index = index
	return slices.Clone(index), nil
}

// Find returns the patch of the identifier. The error is ErrNotFound, or that of
// Patches.
func (r *Reader) Find(ctx context.Context, identifier string) (Patch, error) {
	patches, err := r.Patches(ctx)
	if err != nil {
		return Patch{}, err
	}
	i := slices.IndexFunc(patches, func(p Patch) bool { return p.Identifier == identifier })
	if i < 0 {
		return Patch{}, fmt.Errorf("%w: %q", ErrNotFound, identifier)
	}
	return patches[i], nil
}

// Read returns the file in the columns [start, end), as [PatchID] names them. The index
// is not read. The file's data borrows from what the columns gave. The error is that of the columns, or wraps ErrMalformed.
func (r *Reader) Read(ctx context.Context, start, end int) (*File, error) {
	if start < 1 || start >= end || end > r.params.S {
		return nil, fmt.Errorf("%w: patch in columns %d to %d of %d", ErrMalformed, start, end, r.params.S)
	}
	run, err := r.run(ctx, start, end)
	if err != nil {
		return nil, err
	}
	return parsePatch(run)
}

// run fetches columns, and checks how long they are.
func (r *Reader) run(ctx context.Context, from, to int) ([]byte, error) {
	run, err := r.columns(ctx, from, to)
	if err != nil {
		return nil, err
	}
	if want := (to - from) * r.column(); len(run) != want {
		return nil, fmt.Errorf("quilt: %d bytes of columns instead of %d", len(run), want)
	}
	return run, nil
}

// column returns the bytes of a column.
func (r *Reader) column() int { return r.symbol * r.params.P }

func (r *Reader) readIndex(ctx context.Context) ([]Patch, error) {
	run, err := r.run(ctx, 0, 1)
	if err != nil {
		return nil, err
	}
	if len(run) < indexPrefix {
		return nil, fmt.Errorf("%w: a column has %d bytes", ErrNotQuilt, len(run))
	}
	if run[0] != version {
		return nil, fmt.Errorf("%w: it begins with %d instead of the version, %d", ErrNotQuilt, run[0], version)
	}
	length := uint64(binary.LittleEndian.Uint32(run[1:])) + indexPrefix
	columns := (length + uint64(r.column()) - 1) / uint64(r.column())
	if columns > uint64(min(maxIndexColumns, r.params.S)) {
		return nil, fmt.Errorf("%w: an index of %d columns", ErrNotQuilt, columns)
	}
	if columns > 1 {
		rest, err := r.run(ctx, 1, int(columns))
		if err != nil {
			return nil, err
		}
		run = append(run, rest...)
	}
	return parseIndex(run[indexPrefix:length], int(columns), r.params.S)
}

// parseIndex reads an index, whose own columns end before start. No more patches are
// made than the bytes hold.
func parseIndex(data []byte, start, columns int) ([]Patch, error) {
	b := bcs.NewReader(data)
	const shortest = 2 + 1 + 1 + 1 // end, identifier of one byte, no tags
	count := b.Length(len(data)/shortest, "number of patches")
	patches := make([]Patch, 0, count)
	seen := make(map[string]bool, count)
	for range count {
		patch := Patch{Start: start, End: int(b.U16("end of a patch"))}
		patch.Identifier = string(b.Slice(maxShort, "identifier"))
		patch.Tags = readTags(b)
		if b.Err() != nil {
			break
		}
		if err := checkIdentifier(patch.Identifier); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		if patch.End <= start || patch.End > columns {
			return nil, fmt.Errorf("%w: %q is in columns %d to %d of %d", ErrMalformed, patch.Identifier, start, patch.End, columns)
		}
		if seen[patch.Identifier] {
			return nil, fmt.Errorf("%w: two patches of the identifier %q", ErrMalformed, patch.Identifier)
		}
		seen[patch.Identifier] = true
		patches = append(patches, patch)
		start = patch.End
	}
	if err := b.Done(); err != nil {
		return nil, fmt.Errorf("%w: index: %w", ErrMalformed, err)
	}
	return patches, nil
}

// readTags reads tags, and refuses such as are not sorted. It returns nil for none.
func readTags(b *bcs.Reader) map[string]string {
	count := b.Length(b.Remaining()/2, "number of tags")
	if count == 0 || b.Err() != nil {
		return nil
	}
	tags := make(map[string]string, count)
	last := ""
	for range count {
		at := b.Offset()
		key := string(b.Slice(maxShort, "key of a tag"))
		value := string(b.Slice(maxShort, "value of a tag"))
		serialized := string(bcs.AppendSlice(nil, []byte(key)))
		if b.Err() == nil && serialized <= last {
			b.Fail(at, "key of a tag", bcs.ErrNotCanonical)
		}
		if b.Err() != nil {
			return nil
		}
		tags[key], last = value, serialized
	}
	return tags
}

// parsePatch reads a patch from the start of its columns.
func parsePatch(run []byte) (*File, error) {
	b := bcs.NewReader(run)
	if v := b.U8("version of a patch"); b.Err() == nil && v != version {
		return nil, fmt.Errorf("%w: patch of version %d instead of %d", ErrMalformed, v, version)
	}
	length := b.U32("length of a patch")
	mask := b.U8("mask of a patch")
	if b.Err() == nil && mask&^tagsPresent != 0 {
		return nil, fmt.Errorf("%w: patch with mask %#x", ErrMalformed, mask)
	}
	if b.Err() == nil && uint64(length) > uint64(b.Remaining()) {
		return nil, fmt.Errorf("%w: patch of %d bytes in columns that have %d more", ErrMalformed, length, b.Remaining())
	}
	f := new(File)
	body := bcs.NewReader(b.Bytes(int(length), "patch"))
	if b.Err() == nil {
		part := bcs.NewReader(body.Bytes(int(body.U16("length of the identifier")), "identifier"))
		f.Identifier = string(part.Slice(maxShort, "identifier"))
		if err := cmp.Or(body.Err(), part.Done()); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		if err := checkIdentifier(f.Identifier); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
	}
	if b.Err() == nil && mask&tagsPresent != 0 {
		part := bcs.NewReader(body.Bytes(int(body.U16("length of the tags")), "tags"))
		f.Tags = readTags(part)
		if err := cmp.Or(body.Err(), part.Done()); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
	}
	if b.Err() != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, b.Err())
	}
	f.Data = body.Bytes(body.Remaining(), "data")
	return f, nil
}
