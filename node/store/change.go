package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/redstuff-go/redstuff/commit"
)

// room returns ErrFull if the update would take of the reserve. One that drops slivers
// may: it gives back more than its records take. It returns ErrUnavailable if the
// database could not take the update at present.
func (c *core) room(u Update) error {
	return c.roomFor(u.bytes(), (u.DropAll || len(u.Drop) > 0) && len(u.Slivers) == 0)
}

// bytes returns how many bytes an update adds.
func (u *Update) bytes() (n uint64) {
	for _, s := range u.Slivers {
		n += uint64(len(s.Data))
	}
	for _, value := range u.Records {
		n += uint64(len(value))
	}
	for _, rewrite := range u.Rewrite {
		n += uint64(rewrite.Max)
	}
	return n
}

// roomFor is room for so many bytes, or for an update that drops slivers.
func (c *core) roomFor(need uint64, drops bool) error {
	if c.starved() {
		return fmt.Errorf("%w: the database waits for file descriptors", ErrUnavailable)
	}
	if !c.db.writable() {
		// There may be room again.
		if c.space.tight() || !c.space.hold() {
			return ErrFull
		}
		if err := c.db.reopen(); err != nil {
			return err
		}
	}
	if drops {
		return nil
	}
	return c.space.room(need)
}

// change is a batch of the database that turns what there is of some blobs into
// something else. All of them are locked.
type change struct {
	*core
	batch *pebble.Batch
	err   error
	blobs []changedBlob
	added []addition // to counters
}

type changedBlob struct {
	id        commit.BlobID
	old, next *blobIndex
}

// newChange returns a change of nothing.
func (c *core) newChange() *change { return &change{core: c, batch: c.db.batch()} }

// begin begins the change of one more blob.
func (c *change) begin(id commit.BlobID, old, next *blobIndex) {
	c.blobs = append(c.blobs, changedBlob{id, old, next})
}

// Close frees the batch, unless a database that failed may still be at it.
func (c *change) Close() {
	if c.db.Failed() == nil {
		_ = c.batch.Close()
	}
}

func (c *change) set(key, value []byte) { c.err = errors.Join(c.err, c.batch.Set(key, value, nil)) }
func (c *change) delete(key []byte)     { c.err = errors.Join(c.err, c.batch.Delete(key, nil)) }

func (c *change) count(key []byte, n int64) {
	if n != 0 {
		c.added = append(c.added, addition{string(key), n})
		c.err = errors.Join(c.err, c.batch.Merge(key, counterValue(n), nil))
	}
}

// drop takes a sliver out of the last blob.
func (c *change) drop(ref Ref) {
	b := c.blobs[len(c.blobs)-1]
	if b.next.remove(ref) {
		c.delete(sliverKey(c.shard(b.id, ref.Pair), b.id, ref.Axis))
	}
}

// enter enters what an update says of the last blob, but for the slivers that it has.
func (c *change) enter(u Update) {
	b := c.blobs[len(c.blobs)-1]
	if b.old.empty() {
		b.next.inserted = c.now().Unix()
	}
	if b.next.writer == "" {
		b.next.writer = u.Writer
	}
	if u.End != nil {
		b.next.end = *u.End
	}
	if u.AtLeast > 0 && (b.old.empty() || b.next.end != 0) {
		b.next.end = max(b.next.end, u.AtLeast)
	}
	for r, value := range u.Records {
		b.next.setRecord(r, int64(len(value)))
		c.set(recordKey(r, b.id), value)
	}
	drop := u.Drop
	if u.DropAll {
		for _, s := range b.next.slivers {
			drop = append(drop, s.Ref)
		}
	}
	for _, ref := range drop {
		c.drop(ref)
	}
}

// derive makes the records of an update that depend on all else that there is of the last
// blob.
func (c *change) derive(u Update) error {
	b := c.blobs[len(c.blobs)-1]
	for r, rewrite := range u.Rewrite {
		var old []byte
		if b.old.has(r) {
			var err error
			if old, err = c.db.get(recordKey(r, b.id)); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		value := rewrite.Make(b.next.info(), old)
		b.next.setRecord(r, int64(len(value)))
		c.set(recordKey(r, b.id), value)
	}
	return nil
}

// commit makes the change durable with all that follows from it, and then gives back the
// bytes of files that nothing refers to any more. What fails of that is left for Sweep.
func (c *change) commit() error {
	for _, b := range c.blobs {
		c.follow(b)
	}
	if c.err != nil {
		return fmt.Errorf("store: %w", c.err)
	}
	if err := c.counters.commit(c.added, func() error { return c.db.commit(c.batch) }); err != nil {
		return err
	}
	for _, b := range c.blobs {
		c.recent.set(b.id, *b.next)
	}
	for _, b := range c.blobs {
		for _, s := range b.old.slivers {
			if now, found := b.next.find(s.Ref); !found || b.next.slivers[now].file != s.file {
				c.suspects.clear(b.id, s.Ref)
			}
		}
		for _, file := range b.old.files() {
			_ = c.free(b.id, b.next, file, b.old.live(file))
		}
	}
	return nil
}

// follow enters the index of a blob, and what the store counts and lists by it.
func (c *change) follow(b changedBlob) {
	if b.next.empty() {
		*b.next = blobIndex{}
		c.delete(indexKey(b.id))
	} else {
		c.set(indexKey(b.id), b.next.value())
	}
	if was, is := b.old.pending(), b.next.pending(); was != is {
		if was {
			c.delete(pendingKey(b.old.inserted, b.id))
		} else {
			c.set(pendingKey(b.next.inserted, b.id), nil)
		}
	}
	if was, is := b.old.end, b.next.end; was != is {
		if was != 0 {
			c.delete(endKey(was, b.id))
		}
		if is != 0 {
			c.set(endKey(is, b.id), nil)
		}
	}
	before, after := usageKey(b.old.pending(), b.old.writer), usageKey(b.next.pending(), b.next.writer)
	if string(before) == string(after) {
		c.count(after, b.next.bytes()-b.old.bytes())
	} else {
		c.count(before, -b.old.bytes())
		c.count(after, b.next.bytes())
	}
}

// free gives back bytes of a file that was live in some ranges before, and removes it if
// nothing is live in it. The blob is locked.
func (c *core) free(id commit.BlobID, x *blobIndex, file uint64, before []span) error {
	live := x.live(file)
	if len(live) == 0 {
		return c.files.remove(id, file)
	}
	if len(live) == len(before) {
		return nil
	}
	err := c.files.trim(id, file, live)
	if errors.Is(err, errNoHoles) {
		return c.rewrite(id, x, file)
	}
	return err
}

// rewrite moves the slivers of a file into one without gaps. They are copied as they are,
// also those that are corrupt. The blob is locked, and x is what there is of it
// before and after.
func (c *core) rewrite(id commit.BlobID, x *blobIndex, file uint64) error {
	next := x.clone()
	change := c.newChange()
	defer change.Close()
	change.begin(id, x, &next)
	var data []extent
	var moved []int
	off := int64(0)
	for i, s := range next.slivers {
		if s.file != file {
			continue
		}
		b := make([]byte, s.Size)
		if err := c.files.readAt(b, c.files.name(id, file), s.off); err != nil {
			return err
		}
		data, moved = append(data, extent{off: off, data: b}), append(moved, i)
		next.slivers[i].off = off
		off += s.Size
	}
	number := c.files.number()
	if err := c.files.write(number, durable, data...); err != nil {
		c.files.discard(number)
		return err
	}
	if err := c.files.publish(id, number); err != nil {
		return err
	}
	for _, i := range moved {
		s := &next.slivers[i]
		s.file = number
		p, _, err := c.place(nil, id, s.Ref, true)
		if err != nil {
			return err
		}
		p.file, p.off = s.file, s.off
		change.set(sliverKey(c.shard(id, s.Pair), id, s.Axis), p.value())
	}
	err := change.commit()
	if err == nil {
		*x = next
	}
	return err
}
