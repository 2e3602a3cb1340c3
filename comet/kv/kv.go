package kv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	dbm "github.com/cometbft/cometbft-db"
)

// Errors of calls that no database can do.
var (
	// ErrKey is returned for an empty key.
	ErrKey = errors.New("kv: an empty key")
	// ErrValue is returned when nil is written.
	ErrValue = errors.New("kv: nil is no value")
	// ErrClosed is returned when something is written after the end.
	ErrClosed = errors.New("kv: the database is closed")
	// ErrWritten is returned when a batch is used after it was written or closed.
	ErrWritten = errors.New("kv: the batch was written or closed")
)

// Databases is a database of pebble's with several in it. It is safe for concurrent use.
type Databases struct {
	mu     sync.RWMutex // is held for writing while the database closes
	pebble *pebble.DB
	closed bool
}

// Open opens the databases in a directory, which it makes if there is none. Only one
// process may have them open.
func Open(dir string, logger *slog.Logger) (*Databases, error) {
	db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: errorsOnly{logger}})
	if err != nil {
		return nil, fmt.Errorf("kv: %w", err)
	}
	return &Databases{pebble: db}, nil
}

// errorsOnly drops what pebble tells of its work.
type errorsOnly struct{ logger *slog.Logger }

func (errorsOnly) Infof(string, ...any) {}

func (l errorsOnly) Errorf(format string, args ...any) {
	l.logger.Error("database", "error", fmt.Sprintf(format, args...))
}

func (errorsOnly) Fatalf(format string, args ...any) { panic("kv: " + fmt.Sprintf(format, args...)) }

// Close closes all of them. Whoever still reads finds nothing from then on: goroutines
// of CometBFT outlive its node by a moment, and fall over an error.
func (d *Databases) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	return d.pebble.Close()
}

// Database returns the one with a name. Names must not contain a slash.
func (d *Databases) Database(name string) *DB { return &DB{d, []byte(name + "/")} }

// DB is one of the databases. Keys and values are copied both ways.
type DB struct {
	all    *Databases
	prefix []byte
}

var _ dbm.DB = (*DB)(nil)

// key returns the key as pebble has it.
func (db *DB) key(key []byte) []byte { return slices.Concat(db.prefix, key) }

// Get returns the value of a key, or nil if it has none.
func (db *DB) Get(key []byte) ([]byte, error) {
	if len(key) == 0 {
		return nil, ErrKey
	}
	db.all.mu.RLock()
	defer db.all.mu.RUnlock()
	if db.all.closed {
		return nil, nil
	}
	value, closer, err := db.all.pebble.Get(db.key(key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("kv: %w", err)
	}
	value = append([]byte{}, value...)
	return value, closer.Close()
}

// Has tells whether a key has a value.
func (db *DB) Has(key []byte) (bool, error) {
	value, err := db.Get(key)
	return value != nil, err
}

// Set gives a value to a key.
func (db *DB) Set(key, value []byte) error { return db.one(key, value, false) }

// SetSync is Set, and returns when the value is durable.
func (db *DB) SetSync(key, value []byte) error { return db.one(key, value, true) }

func (db *DB) one(key, value []byte, sync bool) error {
	b := db.NewBatch()
	defer b.Close()
	if err := b.Set(key, value); err != nil {
		return err
	}
	return b.(*batch).write(sync)
}

// Delete removes a key if it is there.
func (db *DB) Delete(key []byte) error { return db.without(key, false) }

// DeleteSync is Delete, and returns when the key is gone for ever.
func (db *DB) DeleteSync(key []byte) error { return db.without(key, true) }

func (db *DB) without(key []byte, sync bool) error {
	b := db.NewBatch()
	defer b.Close()
	if err := b.Delete(key); err != nil {
		return err
	}
	return b.(*batch).write(sync)
}

// Close does nothing: the database ends with all of them.
func (db *DB) Close() error { return nil }

// Print does nothing: what is in the databases is no text.
func (db *DB) Print() error { return nil }

// Stats returns how much the databases have, all together.
func (db *DB) Stats() map[string]string {
	db.all.mu.RLock()
	defer db.all.mu.RUnlock()
	if db.all.closed {
		return nil
	}
	return map[string]string{"database.type": "pebble", "database.size": fmt.Sprint(db.all.pebble.Metrics().DiskSpaceUsage())}
}

// Compact gives back the room of what was removed between two keys.
func (db *DB) Compact(start, end []byte) error {
	db.all.mu.RLock()
	defer db.all.mu.RUnlock()
	if db.all.closed {
		return ErrClosed
	}
	lower, upper := db.bounds(start, end)
	return db.all.pebble.Compact(context.Background(), lower, upper, false)
}

// NewBatch returns an empty batch, which the caller closes.
func (db *DB) NewBatch() dbm.Batch {
	db.all.mu.RLock()
	defer db.all.mu.RUnlock()
	return &batch{db, db.all.pebble.NewBatch()}
}

// Iterator returns the keys from start on, and before end, in their order. Nil is
// without a bound.
func (db *DB) Iterator(start, end []byte) (dbm.Iterator, error) {
	return iterate(db, start, end, false)
}

// ReverseIterator returns the keys before end, down to start.
func (db *DB) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
	return iterate(db, start, end, true)
}

// bounds returns the keys from and up to which an iteration goes.
func (db *DB) bounds(start, end []byte) (lower, upper []byte) {
	if upper = db.key(end); end == nil {
		upper[len(upper)-1]++ // the slash after the name
	}
	return db.key(start), upper
}
