package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// notes keeps small values of those who use the store.
type notes struct{ *core }

func noteKey(name string) []byte { return append([]byte{noteKind}, name...) }

// Note returns a value, see [Store].
func (n notes) Note(name string) ([]byte, error) { return n.db.get(noteKey(name)) }

// SetNote sets a value, see [Store].
func (n notes) SetNote(name string, value []byte) error {
	if err := n.room(Update{Records: map[Record][]byte{Metadata: value}}); err != nil {
		return err
	}
	return n.db.set(noteKey(name), value, pebble.NoSync)
}

// KeepNote sets a value that is durable, see [Store].
func (n notes) KeepNote(name string, value []byte) error {
	if err := n.room(Update{Records: map[Record][]byte{Metadata: value}}); err != nil {
		return err
	}
	return n.db.set(noteKey(name), value, pebble.Sync)
}

// set sets a value. What is written before it is durable before it, also if it does not wait
// for the disk.
func (d *database) set(key, value []byte, how *pebble.WriteOptions) error {
	if err := d.Failed(); err != nil {
		return err
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.readOnly {
		return ErrFull
	}
	if err := d.guard(func() error { return d.db.Set(key, value, how) }); err != nil {
		d.fail(err)
		return errors.Join(fmt.Errorf("store: %w", err), d.Failed())
	}
	return nil
}
