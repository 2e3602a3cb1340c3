package store

import (
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
)

// Check reads a sliver again, see [Store].
func (d *Disk) Check(id commit.BlobID, ref Ref) error {
	_, err := d.read(nil, id, ref, 0, -1)
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return err
	}
	// Under the lock nobody replaces the sliver: what is read now is what is marked.
	defer d.lock(id)()
	mark, markErr := d.mark(id, ref)
	if markErr != nil {
		return markErr
	}
	if err == nil && mark == 0 {
		return nil
	}
	switch _, err := d.read(nil, id, ref, 0, -1); {
	case err == nil && mark == markUnreadable:
		return d.setMark(id, ref, 0)
	case err == nil && mark == markWrong:
		return &CorruptError{id, ref, errWrong}
	case errors.Is(err, ErrCorrupt) && mark == 0:
		return errors.Join(err, d.setMark(id, ref, markUnreadable))
	default:
		return err
	}
}

var errWrong = errors.New("it is not the blob's")

// Quarantine hides a sliver, see [Store].
func (d *Disk) Quarantine(id commit.BlobID, ref Ref) error {
	defer d.lock(id)()
	switch _, err := d.place(id, ref); {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil && !errors.Is(err, ErrCorrupt):
		return err
	}
	return d.setMark(id, ref, markWrong)
}

// setMark marks a sliver as quarantined, or lifts that if the mark is 0.
func (d *Disk) setMark(id commit.BlobID, ref Ref, mark byte) error {
	b := d.db.NewBatch()
	defer b.Close()
	key := refKey(badKind, id, ref)
	err := b.Delete(key, nil)
	if mark != 0 {
		err = b.Set(key, []byte{mark}, nil)
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return d.commit(b)
}

// Delete removes a blob, see [Store].
func (d *Disk) Delete(id commit.BlobID, when func(Info) bool) (bool, error) {
	defer d.lock(id)()
	info, err := d.Info(id)
	if err != nil {
		return false, err
	}
	if len(info.Records)+len(info.Slivers)+len(info.Quarantined) == 0 || when != nil && !when(info) {
		return false, nil
	}
	old, err := d.files(id)
	if err != nil {
		return false, err
	}
	b := d.db.NewBatch()
	defer b.Close()
	for _, r := range info.Records {
		if err := b.Delete(blobKey(byte(r), id), nil); err != nil {
			return false, fmt.Errorf("store: %w", err)
		}
	}
	for _, e := range append(info.Slivers, info.Quarantined...) {
		for _, kind := range []byte{sliverKind, badKind} {
			if err := b.Delete(refKey(kind, id, e.Ref), nil); err != nil {
				return false, fmt.Errorf("store: %w", err)
			}
		}
	}
	if err := d.commit(b); err != nil {
		return false, err
	}
	d.removeUnused(id, old)
	return true, nil
}
