package store

import (
	"cmp"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

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
	for _, s := range stages {
		defer s.Discard()
	}
	// The disk is waited for once, and not once for each blob.
	if err := atOnce(len(stages), func(i int) error { return stages[i].finish(updates[i].Update) }); err != nil {
		return err
	}
	defer w.lock(ids...)()
	olds := make([]blobIndex, len(stages))
	for i, s := range stages {
		var err error
		if olds[i], err = s.admitted(updates[i].Update); err != nil {
			return err
		}
	}
	c := w.newChange()
	defer c.Close()
	err := atOnce(len(stages), func(i int) error { return stages[i].publish() })
	for i := 0; i < len(stages) && err == nil; i++ {
		err = stages[i].enterAll(c, &olds[i], updates[i].Update)
	}
	if err != nil {
		for _, s := range stages {
			if s.file != 0 {
				_ = w.files.remove(s.id, s.file) // or Sweep does
			}
		}
		return err
	}
	return c.commit()
}

// filesAtOnce is how many files are written at once for one change.
const filesAtOnce = 16

// atOnce calls f for 0 to n-1, many at once, and returns an error if one of them did. None
// is under way when it returns.
func atOnce(n int, f func(i int) error) error {
	var group errgroup.Group
	group.SetLimit(filesAtOnce)
	for i := range n {
		group.Go(func() error { return f(i) })
	}
	return group.Wait()
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
