package store

import (
	"errors"
	"fmt"

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
	if u.If != nil && !u.If(old.info()) {
		w.files.discard(number)
		return ErrRefused
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
	if u.AtLeast > 0 && (old.empty() || next.end != 0) {
		next.end = max(next.end, u.AtLeast)
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
func (w writer) validate(u Update) error {
	if len(u.Writer) > maxWriter {
		return fmt.Errorf("store: name of the writer has %d bytes, more than %d", len(u.Writer), maxWriter)
	}
	seen := make(map[Ref]bool, len(u.Slivers))
	for _, s := range u.Slivers {
		if err := w.validRef(s.Ref); err != nil {
			return err
		}
		if seen[s.Ref] {
			return fmt.Errorf("store: %v is in the update twice", s.Ref)
		}
		seen[s.Ref] = true
	}
	return nil
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
