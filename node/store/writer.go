package store

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
)

// writer changes what is stored of one blob.
type writer struct{ *core }

// Apply makes the update visible and durable, see [Store].
func (w writer) Apply(id commit.BlobID, u Update) error { return w.Stage(id).Apply(u) }

// ApplyAll makes updates of many blobs visible and durable at once, see [Store].
func (w writer) ApplyAll(updates []BlobUpdate) error {
	need, ids := uint64(0), make([]commit.BlobID, len(updates))
	stages, seen := make([]*stage, len(updates)), make(map[commit.BlobID]bool, len(updates))
	for i, u := range updates {
		s := &stage{core: w.core, id: u.Blob}
		if err := s.validate(u.Update); err != nil {
			return err
		}
		if seen[u.Blob] {
			return fmt.Errorf("store: there are two updates of blob %v", u.Blob)
		}
		seen[u.Blob], stages[i], ids[i] = true, s, u.Blob
		need += u.bytes()
	}
	if err := cmp.Or(w.db.Failed(), w.roomFor(need, false)); err != nil {
		return err
	}
	for i, s := range stages {
		defer s.Discard()
		if err := s.finish(updates[i].Update); err != nil {
			return err
		}
	}
	defer w.lock(ids...)()
	c := w.newChange()
	defer c.Close()
	for i, s := range stages {
		if err := s.enterAll(c, updates[i].Update); err != nil {
			for _, done := range stages[:i] {
				if done.file != 0 {
					_ = w.files.remove(done.id, done.file) // or Sweep does
				}
			}
			return err
		}
	}
	return c.commit()
}

// Stage begins an update that comes in pieces, see [Store].
func (w writer) Stage(id commit.BlobID) Stage { return &stage{core: w.core, id: id} }

// diskError says that an error is the disk's.
func diskError(err error) error {
	if noRoom(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("store: %w", err)
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
	c := w.newChange()
	defer c.Close()
	c.begin(id, &old, &next)
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
	c := w.newChange()
	defer c.Close()
	c.begin(id, &old, &next)
	if len(value) > 0 {
		c.set(key, markedValue(value, mark))
	}
	return c.commit()
}
