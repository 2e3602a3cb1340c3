package store

import (
	"cmp"
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

// Info says what the store has of a blob, see [Store].
func (d *Disk) Info(id commit.BlobID) (info Info, err error) {
	for _, r := range []Record{Metadata, Certificate, Proof, Verdict} {
		switch _, err := d.get(blobKey(byte(r), id)); {
		case err == nil:
			info.Records = append(info.Records, r)
		case !errors.Is(err, ErrNotFound):
			return info, err
		}
	}
	bad := make(map[Ref]bool)
	prefix := blobKey(badKind, id)
	err = d.scan(prefix, after(prefix), func(key, _ []byte) (bool, error) {
		if len(key) == sliverKeySize {
			bad[refOfKey(key)] = true
		}
		return true, nil
	})
	if err != nil {
		return info, err
	}
	prefix = blobKey(sliverKind, id)
	err = d.scan(prefix, after(prefix), func(key, value []byte) (bool, error) {
		if len(key) != sliverKeySize {
			return true, nil
		}
		e := Entry{Ref: refOfKey(key), Size: -1}
		if p, err := parsePlace(value); err == nil {
			e.Size = p.size
		}
		if bad[e.Ref] {
			info.Quarantined = append(info.Quarantined, e)
		} else {
			info.Slivers = append(info.Slivers, e)
		}
		return true, nil
	})
	return info, err
}

// Slivers lists the slivers of a blob that are stored, see [Store].
func (d *Disk) Slivers(id commit.BlobID) ([]Entry, error) {
	info, err := d.Info(id)
	return info.Slivers, err
}

// Size returns the length of a sliver, see [Store].
func (d *Disk) Size(id commit.BlobID, ref Ref) (int64, error) {
	if mark, err := d.mark(id, ref); err != nil || mark != 0 {
		return 0, cmp.Or(err, ErrNotFound)
	}
	p, err := d.place(id, ref)
	return p.size, err
}

// Marks of quarantined slivers.
const (
	markUnreadable = 1 // reading it again may lift it
	markWrong      = 2 // it reads well, and is not the blob's
)

// mark returns why a sliver is quarantined, or 0 if it is not.
func (d *Disk) mark(id commit.BlobID, ref Ref) (byte, error) {
	value, err := d.get(refKey(badKind, id, ref))
	switch {
	case errors.Is(err, ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, &UnavailableError{id, ref, err}
	case len(value) != 1:
		return markUnreadable, nil
	}
	return value[0], nil
}

func (d *Disk) place(id commit.BlobID, ref Ref) (place, error) {
	value, err := d.get(sliverKey(id, ref))
	if errors.Is(err, ErrNotFound) {
		return place{}, err
	}
	if err != nil {
		return place{}, &UnavailableError{id, ref, err}
	}
	p, err := parsePlace(value)
	if err != nil {
		return p, &CorruptError{id, ref, err}
	}
	return p, nil
}

// Read appends a range of a sliver to dst, see [Store].
func (d *Disk) Read(dst []byte, id commit.BlobID, ref Ref, off, n int64) ([]byte, error) {
	if mark, err := d.mark(id, ref); err != nil || mark != 0 {
		return dst, cmp.Or(err, ErrNotFound)
	}
	return d.read(dst, id, ref, off, n)
}

// read is Read whether the sliver is quarantined or not.
func (d *Disk) read(dst []byte, id commit.BlobID, ref Ref, off, n int64) ([]byte, error) {
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
				return dst, &CorruptError{id, ref, errChecksum}
			}
			return append(dst, p.inline[off:][:length]...), nil
		}
		got, err := d.readFile(dst, id, p, off, length)
		if err == nil {
			d.suspects.clear(id, ref)
			return got, nil
		}
		// The sliver may have moved to another file since its place was read.
		if attempt == 0 && d.moved(id, ref, p.file) {
			continue
		}
		if saysCorrupt(err) || d.suspects.persists(id, ref, err) {
			return dst, &CorruptError{id, ref, err}
		}
		return dst, &UnavailableError{id, ref, err}
	}
}

// moved reports whether the sliver is in another file than the given one.
func (d *Disk) moved(id commit.BlobID, ref Ref, file uint64) bool {
	p, err := d.place(id, ref)
	return err != nil || p.inline != nil || p.file != file
}

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
