package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/redstuff-go/redstuff/commit"
)

// writer changes what is stored of one blob.
type writer struct{ *core }

// Apply makes the update visible and durable, see [Store].
func (w writer) Apply(id commit.BlobID, u Update) error {
	if err := w.db.Failed(); err != nil {
		return err
	}
	if err := w.validate(u); err != nil {
		return err
	}
	if err := w.room(u); err != nil {
		return err
	}
	var large []Sliver
	var data [][]byte
	for _, s := range u.Slivers {
		if len(s.Data) > w.inline {
			large, data = append(large, s), append(data, s.Data)
		}
	}
	var number uint64
	if len(large) > 0 {
		var err error
		if number, err = w.files.write(data...); err != nil {
			return diskError(err)
		}
	}
	places := make(map[Ref]place, len(large))
	off := int64(0)
	for _, s := range large {
		size := int64(len(s.Data))
		places[s.Ref] = place{file: number, off: off, size: size, sums: checksums(s.Data)}
		off += size
	}

	defer w.lock(id)()
	old, err := w.index(id)
	if err != nil {
		w.files.discard(number)
		return err
	}
	next := old.clone()
	if number != 0 {
		if err := w.files.publish(id, number); err != nil {
			return diskError(err)
		}
	}
	c := w.newChange(id, &old, &next)
	defer c.Close()
	if old.empty() {
		next.inserted = w.now().Unix()
	}
	if next.writer == "" {
		next.writer = u.Writer
	}
	if u.End != nil {
		next.end = *u.End
	}
	for r, value := range u.Records {
		next.setRecord(r, int64(len(value)))
		c.set(recordKey(r, id), value)
	}
	for _, ref := range u.Drop {
		c.drop(ref)
	}
	for _, s := range u.Slivers {
		p, inFile := places[s.Ref]
		value := p.value()
		if !inFile {
			value = inlineValue(s.Data)
		}
		next.set(indexedSliver{Entry: Entry{Ref: s.Ref, Size: int64(len(s.Data))}, file: p.file, off: p.off})
		c.set(sliverKey(w.shard(id, s.Ref.Pair), id, s.Ref.Axis), value)
	}
	return c.commit()
}

// diskError says that an error is the disk's.
func diskError(err error) error {
	if noRoom(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("store: %w", err)
}

// maxWriter is the length of the longest name of a writer.
const maxWriter = 256

// validate finds what an update must not have.
func (c *core) validate(u Update) error {
	if len(u.Writer) > maxWriter {
		return fmt.Errorf("store: name of the writer has %d bytes, more than %d", len(u.Writer), maxWriter)
	}
	seen := make(map[Ref]bool, len(u.Slivers))
	for _, s := range u.Slivers {
		if err := c.validRef(s.Ref); err != nil {
			return err
		}
		if seen[s.Ref] {
			return fmt.Errorf("store: %v is in the update twice", s.Ref)
		}
		seen[s.Ref] = true
	}
	return nil
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

// room returns ErrFull if the update would take of the reserve. One that drops slivers
// may: it gives back more than its records take. It returns ErrUnavailable if the
// database could not take the update at present.
func (c *core) room(u Update) error {
	if c.starved() {
		return fmt.Errorf("%w: the database waits for file descriptors", ErrUnavailable)
	}
	drops := len(u.Drop) > 0 && len(u.Slivers) == 0
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
	need := uint64(0)
	for _, s := range u.Slivers {
		need += uint64(len(s.Data))
	}
	for _, value := range u.Records {
		need += uint64(len(value))
	}
	return c.space.room(need)
}

// Delete removes a blob, see [Store].
func (w writer) Delete(id commit.BlobID, when func(Info) bool) (bool, error) {
	if err := w.room(Update{Drop: make([]Ref, 1)}); err != nil {
		return false, err
	}
	defer w.lock(id)()
	old, err := w.index(id)
	if err != nil || old.empty() || when != nil && !when(old.info()) {
		return false, err
	}
	next := blobIndex{}
	c := w.newChange(id, &old, &next)
	defer c.Close()
	for _, r := range old.records {
		c.delete(recordKey(r.kind, id))
	}
	for _, s := range old.slivers {
		c.delete(sliverKey(w.shard(id, s.Pair), id, s.Axis))
	}
	return true, c.commit()
}

// Check reads a sliver again, see [Store].
func (w writer) Check(id commit.BlobID, ref Ref) error {
	// Under the lock nobody replaces the sliver: what is read is what is marked.
	defer w.lock(id)()
	p, _, err := w.place(nil, id, ref, true)
	switch {
	case errors.Is(err, ErrNotFound):
		return err
	case err != nil && !errors.Is(err, ErrCorrupt):
		return &UnavailableError{id, ref, err}
	}
	_, err = w.read(nil, id, ref, 0, -1, true)
	switch {
	case err == nil && p.mark == markUnreadable:
		return w.mark(id, ref, 0)
	case err == nil && p.mark == markWrong:
		return &CorruptError{id, ref, errWrong}
	case errors.Is(err, ErrCorrupt) && p.mark == 0:
		return errors.Join(err, w.mark(id, ref, markUnreadable))
	}
	return err
}

var errWrong = errors.New("it is not the blob's")

// Quarantine hides a sliver, see [Store].
func (w writer) Quarantine(id commit.BlobID, ref Ref) error {
	defer w.lock(id)()
	return w.mark(id, ref, markWrong)
}

// mark marks a sliver as quarantined, or lifts that if the mark is 0. The blob is locked.
func (w writer) mark(id commit.BlobID, ref Ref, mark byte) error {
	old, err := w.index(id)
	if err != nil {
		return err
	}
	i, found := old.find(ref)
	if !found {
		return nil
	}
	key := sliverKey(w.shard(id, ref.Pair), id, ref.Axis)
	value, err := w.db.get(key)
	if err != nil {
		return err
	}
	next := old.clone()
	next.slivers[i].mark = mark
	c := w.newChange(id, &old, &next)
	defer c.Close()
	if len(value) > 0 {
		c.set(key, markedValue(value, mark))
	}
	return c.commit()
}

// change is a batch of the database that turns what there is of some blobs into
// something else. All of them are locked.
type change struct {
	*core
	batch *pebble.Batch
	err   error
	blobs []changedBlob
}

type changedBlob struct {
	id        commit.BlobID
	old, next *blobIndex
}

// newChange begins the change of a blob.
func (c *core) newChange(id commit.BlobID, old, next *blobIndex) *change {
	return &change{core: c, batch: c.db.batch(), blobs: []changedBlob{{id, old, next}}}
}

// Close frees the batch.
func (c *change) Close() { _ = c.batch.Close() }

func (c *change) set(key, value []byte) { c.err = errors.Join(c.err, c.batch.Set(key, value, nil)) }
func (c *change) delete(key []byte)     { c.err = errors.Join(c.err, c.batch.Delete(key, nil)) }

func (c *change) count(key []byte, n int64) {
	if n != 0 {
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

// commit makes the change durable with all that follows from it, and then gives back the
// bytes of files that nothing refers to any more. What fails of that is left for Sweep.
func (c *change) commit() error {
	for _, b := range c.blobs {
		c.follow(b)
	}
	if c.err != nil {
		return fmt.Errorf("store: %w", c.err)
	}
	if err := c.db.commit(c.batch); err != nil {
		return err
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
	change := c.newChange(id, x, &next)
	defer change.Close()
	var data [][]byte
	var moved []int
	off := int64(0)
	for i, s := range next.slivers {
		if s.file != file {
			continue
		}
		b := make([]byte, s.Size)
		if err := c.files.readAt(b, id, file, s.off); err != nil {
			return err
		}
		data, moved = append(data, b), append(moved, i)
		next.slivers[i].off = off
		off += s.Size
	}
	number, err := c.files.write(data...)
	if err != nil {
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
	err = change.commit()
	if err == nil {
		*x = next
	}
	return err
}
