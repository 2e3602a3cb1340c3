package store

import (
	"cmp"
	"errors"
	"hash/crc32"

	"github.com/redstuff-go/redstuff/commit"
)

// reader reads what is stored.
type reader struct{ *core }

// index returns what there is of a blob: nothing, if the store does not know it.
func (c *core) index(id commit.BlobID) (x blobIndex, err error) {
	err = c.db.view(indexKey(id), func(value []byte) (err error) {
		x, err = parseIndex(value)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return blobIndex{}, nil
	}
	return x, err
}

// Info says what the store has of a blob, see [Store].
func (r reader) Info(id commit.BlobID) (Info, error) {
	x, err := r.index(id)
	return x.info(), err
}

// Record returns a record of the blob, see [Store].
func (r reader) Record(id commit.BlobID, kind Record) ([]byte, error) {
	return r.db.get(recordKey(kind, id))
}

// Slivers lists the slivers of a blob that are stored, see [Store].
func (r reader) Slivers(id commit.BlobID) ([]Entry, error) {
	info, err := r.Info(id)
	return info.Slivers, err
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

// place returns where a sliver is. Its data, if it is in the value, is appended to dst. A
// quarantined sliver is found only if it is asked for.
func (c *core) place(dst []byte, id commit.BlobID, ref Ref, quarantined bool) (p place, data []byte, err error) {
	if ref.Pair < 0 || ref.Pair > commit.MaxShards || c.n > 0 && ref.Pair >= c.n {
		return p, dst, ErrNotFound
	}
	err = c.db.view(sliverKey(c.shard(id, ref.Pair), id, ref.Axis), func(value []byte) error {
		if p, err = parsePlace(value); err != nil {
			return &CorruptError{id, ref, err}
		}
		if p.mark != 0 && !quarantined {
			return ErrNotFound
		}
		dst = append(dst, p.inline...)
		p.inline = nil // it is not valid for longer
		return nil
	})
	return p, dst, err
}

// read is Read; also of a quarantined sliver if that is wanted.
func (c *core) read(dst []byte, id commit.BlobID, ref Ref, off, n int64, quarantined bool) ([]byte, error) {
	for attempt := 0; ; attempt++ {
		start := len(dst)
		p, data, err := c.place(dst, id, ref, quarantined)
		switch {
		case errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt):
			return dst, err
		case err != nil:
			return dst, &UnavailableError{id, ref, err}
		}
		length := n
		if length < 0 {
			length = p.size - off
		}
		if off < 0 || length < 0 || off > p.size || length > p.size-off {
			return dst, ErrRange
		}
		if p.file == 0 {
			inline := data[start:]
			if crc32.Checksum(inline, castagnoli) != p.sums[0] {
				return dst, &CorruptError{id, ref, errChecksum}
			}
			copy(inline, inline[off:][:length])
			return data[:start+int(length)], nil
		}
		got, err := c.files.read(dst, id, p, off, length)
		if err == nil {
			c.suspects.clear(id, ref)
			return got, nil
		}
		// The sliver may have moved to another file since its place was read.
		if attempt == 0 && c.moved(id, ref, p.file) {
			continue
		}
		// A missing file says something of it only if its directory is there.
		if gone := c.anchors.gone(); gone != nil {
			return dst, &UnavailableError{id, ref, gone}
		}
		if saysCorrupt(err) || c.suspects.persists(id, ref, err) {
			return dst, &CorruptError{id, ref, err}
		}
		return dst, &UnavailableError{id, ref, err}
	}
}

// moved reports whether the sliver is in another file than the given one.
func (c *core) moved(id commit.BlobID, ref Ref, file uint64) bool {
	p, _, err := c.place(nil, id, ref, true)
	return err != nil || p.file != file
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

// list returns the blobs whose ids end the keys of a range. All keys have one length.
func (c *core) list(lower, upper []byte, keySize, limit int) (ids []commit.BlobID, err error) {
	if limit <= 0 {
		return nil, nil
	}
	err = c.db.scan(lower, upper, func(key []byte, _ func() ([]byte, error)) (bool, error) {
		if len(key) == keySize {
			ids = append(ids, commit.BlobID(key[keySize-commit.HashSize:]))
		}
		return len(ids) < limit, nil
	})
	return ids, err
}
