package store

import (
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
)

// core is what all parts of a store work with.
type core struct {
	db       *database
	files    *sliverFiles
	space    *space
	anchors  *anchors
	starved  func() bool // the database waits for file descriptors
	suspects suspects
	recent   recent
	counters counters
	inline   int // largest sliver that goes into the database
	n        int // shards of the system, or 0
	now      func() time.Time

	locks [stripes]sync.Mutex // held while what is stored of a blob changes
}

// stripes is the number of locks that blobs share.
const stripes = 256

func stripe(id commit.BlobID) int { return int(id[commit.HashSize-1]) % stripes }

// lock locks what is stored of some blobs.
func (c *core) lock(ids ...commit.BlobID) (unlock func()) {
	var order []int
	for _, id := range ids {
		order = append(order, stripe(id))
	}
	slices.Sort(order)
	order = slices.Compact(order)
	for _, i := range order {
		c.locks[i].Lock()
	}
	return func() {
		for _, i := range order {
			c.locks[i].Unlock()
		}
	}
}

// shard returns the shard that a pair of the blob is of: the pair itself where the number
// of shards is not known.
func (c *core) shard(id commit.BlobID, pair int) int {
	if c.n == 0 {
		return pair
	}
	return id.ShardOfPair(pair, c.n)
}

func (c *core) validRef(ref Ref) error {
	shards := c.n
	if shards == 0 {
		shards = commit.MaxShards
	}
	if ref.Axis > 1 || ref.Pair < 0 || ref.Pair >= shards {
		return fmt.Errorf("store: no such sliver: %v of %d", ref, shards)
	}
	return nil
}

// index returns what there is of a blob: nothing, if the store does not know it. It is to
// be cloned before it is changed.
func (c *core) index(id commit.BlobID) (x blobIndex, err error) {
	x, ok, changes := c.recent.get(id)
	if ok {
		return x, nil
	}
	err = c.db.view(indexKey(id), func(value []byte) (err error) {
		x, err = parseIndex(value)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		c.recent.missing(id, changes)
		return blobIndex{}, nil
	}
	return x, err
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
