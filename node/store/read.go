package store

import (
	"cmp"

	"github.com/redstuff-go/redstuff/commit"
)

// reader reads what is stored.
type reader struct{ *core }

// Info says what the store has of a blob, see [Store].
func (r reader) Info(id commit.BlobID) (Info, error) {
	x, err := r.index(id)
	return x.info(), err
}

// Record returns a record of the blob, see [Store].
func (r reader) Record(id commit.BlobID, kind Record) ([]byte, error) {
	return r.db.get(recordKey(kind, id))
}

// Size returns the length of a sliver, see [Store].
func (r reader) Size(id commit.BlobID, ref Ref) (int64, error) {
	x, err := r.index(id)
	i, found := x.find(ref)
	if err != nil || !found || x.slivers[i].mark != 0 {
		return 0, cmp.Or(err, ErrNotFound)
	}
	return x.slivers[i].Size, nil
}

// Read appends a range of a sliver to dst, see [Store].
func (r reader) Read(dst []byte, id commit.BlobID, ref Ref, off, n int64) ([]byte, error) {
	return r.read(dst, id, ref, off, n, false)
}

// BlobsWith lists blobs that have the record, see [Store].
func (r reader) BlobsWith(kind Record, from *commit.BlobID, limit int) ([]commit.BlobID, error) {
	prefix := []byte{recordKind, byte(kind)}
	lower := prefix
	if from != nil {
		lower = append(recordKey(kind, *from), 0)
	}
	return r.list(lower, after(prefix), recordKeySize, limit)
}

// Blobs lists blobs that have metadata, see [Store].
func (r reader) Blobs(from *commit.BlobID, limit int) ([]commit.BlobID, error) {
	return r.BlobsWith(Metadata, from, limit)
}
