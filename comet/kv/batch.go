package kv

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// batch is changes that are written together.
type batch struct {
	db     *DB
	pebble *pebble.Batch // nil after it was written or closed
}

func (b *batch) Set(key, value []byte) error {
	switch {
	case len(key) == 0:
		return ErrKey
	case value == nil:
		return ErrValue
	case b.pebble == nil:
		return ErrWritten
	}
	return b.pebble.Set(b.db.key(key), value, nil)
}

func (b *batch) Delete(key []byte) error {
	switch {
	case len(key) == 0:
		return ErrKey
	case b.pebble == nil:
		return ErrWritten
	}
	return b.pebble.Delete(b.db.key(key), nil)
}

// DeleteRange removes the keys from start on, and before end.
func (b *batch) DeleteRange(start, end []byte) error {
	if b.pebble == nil {
		return ErrWritten
	}
	lower, upper := b.db.bounds(start, end)
	return b.pebble.DeleteRange(lower, upper, nil)
}

func (b *batch) Write() error     { return b.write(false) }
func (b *batch) WriteSync() error { return b.write(true) }

func (b *batch) write(sync bool) error {
	if b.pebble == nil {
		return ErrWritten
	}
	b.db.all.mu.RLock()
	defer b.db.all.mu.RUnlock()
	if b.db.all.closed {
		return ErrClosed
	}
	options := pebble.NoSync
	if sync {
		options = pebble.Sync
	}
	if err := b.pebble.Commit(options); err != nil {
		return fmt.Errorf("kv: %w", err)
	}
	return b.Close()
}

func (b *batch) Close() error {
	if b.pebble == nil {
		return nil
	}
	err := b.pebble.Close()
	b.pebble = nil
	return err
}
