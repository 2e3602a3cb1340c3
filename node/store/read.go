package store

import (
	"errors"
	"hash/crc32"
	"io"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
)

// Record returns a record of the blob, see [Store].
func (d *Disk) Record(id commit.BlobID, r Record) ([]byte, error) {
	return d.get(blobKey(byte(r), id))
}

// Slivers lists the slivers of a blob that are stored, see [Store].
func (d *Disk) Slivers(id commit.BlobID) ([]Entry, error) {
	var entries []Entry
	prefix := blobKey(sliverKind, id)
	err := d.scan(prefix, after(prefix), func(key, value []byte) (bool, error) {
		if len(key) != sliverKeySize {
			return true, nil
		}
		e := Entry{Ref: refOfKey(key), Size: -1}
		if p, err := parsePlace(value); err == nil {
			e.Size = p.size
		}
		entries = append(entries, e)
		return true, nil
	})
	return entries, err
}

// Size returns the length of a sliver, see [Store].
func (d *Disk) Size(id commit.BlobID, ref Ref) (int64, error) {
	p, err := d.place(id, ref)
	return p.size, err
}

func (d *Disk) place(id commit.BlobID, ref Ref) (place, error) {
	value, err := d.get(sliverKey(id, ref))
	if errors.Is(err, ErrNotFound) {
		return place{}, err
	}
	if err != nil {
		return place{}, &CorruptError{id, ref, err}
	}
	p, err := parsePlace(value)
	if err != nil {
		return p, &CorruptError{id, ref, err}
	}
	return p, nil
}

// Read appends a range of a sliver to dst, see [Store].
func (d *Disk) Read(dst []byte, id commit.BlobID, ref Ref, off, n int64) ([]byte, error) {
	for attempt := 0; ; attempt++ {
		p, err := d.place(id, ref)
		if err != nil {
			return dst, err
		}
		length := n
		if length < 0 {
			length = p.size - off
		}
		if off < 0 || length < 0 || off > p.size || length > p.size-off {
			return dst, ErrRange
		}
		if p.inline != nil {
			if crc32.Checksum(p.inline, castagnoli) != p.sums[0] {
				return dst, &CorruptError{Blob: id, Ref: ref}
			}
			return append(dst, p.inline[off:][:length]...), nil
		}
		got, err := d.readFile(dst, id, p, off, length)
		if err == nil {
			return got, nil
		}
		// The sliver may have moved to another file since its place was read.
		if attempt == 0 && d.moved(id, ref, p.file) {
			continue
		}
		if errors.Is(err, errChecksum) {
			err = nil
		}
		return dst, &CorruptError{id, ref, err}
	}
}

// moved reports whether the sliver is in another file than the given one.
func (d *Disk) moved(id commit.BlobID, ref Ref, file uint64) bool {
	p, err := d.place(id, ref)
	return err != nil || p.inline != nil || p.file != file
}

var errChecksum = errors.New("store: checksum")

// readFile reads whole blocks, verifies them, and appends what is wanted of them.
func (d *Disk) readFile(dst []byte, id commit.BlobID, p place, off, n int64) ([]byte, error) {
	if n == 0 {
		return dst, nil
	}
	f, err := d.fs.Open(d.fs.PathJoin(d.sliverDir(id), fileName(id, p.file)))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	first := off / blockSize * blockSize
	end := min((off+n+blockSize-1)/blockSize*blockSize, p.size)
	start := len(dst)
	dst = slices.Grow(dst, int(end-first))
	blocks := dst[start:][:end-first]
	if read, err := f.ReadAt(blocks, p.off+first); read < len(blocks) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	for i, at := int(first/blockSize), 0; at < len(blocks); i, at = i+1, at+blockSize {
		block := blocks[at:min(at+blockSize, len(blocks))]
		if crc32.Checksum(block, castagnoli) != p.sums[i] {
			return nil, errChecksum
		}
	}
	copy(blocks, blocks[off-first:][:n])
	return dst[:start+int(n)], nil
}

// Blobs lists blobs that have metadata, see [Store].
func (d *Disk) Blobs(from *commit.BlobID, limit int) ([]commit.BlobID, error) {
	return d.BlobsWith(Metadata, from, limit)
}

// BlobsWith lists blobs that have the record, see [Store].
func (d *Disk) BlobsWith(r Record, from *commit.BlobID, limit int) ([]commit.BlobID, error) {
	lower := []byte{byte(r)}
	if from != nil {
		lower = append(blobKey(byte(r), *from), 0)
	}
	var ids []commit.BlobID
	if limit <= 0 {
		return nil, nil
	}
	err := d.scan(lower, []byte{byte(r) + 1}, func(key, _ []byte) (bool, error) {
		if len(key) == blobKeySize {
			ids = append(ids, commit.BlobID(key[1:]))
		}
		return len(ids) < limit, nil
	})
	return ids, err
}
