package kv

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	dbm "github.com/cometbft/cometbft-db"
)

func iterate(db *DB, start, end []byte, reverse bool) (dbm.Iterator, error) {
	if start != nil && len(start) == 0 || end != nil && len(end) == 0 {
		return nil, ErrKey
	}
	db.all.mu.RLock()
	if db.all.closed {
		db.all.mu.RUnlock()
		return nil, ErrClosed
	}
	lower, upper := db.bounds(start, end)
	p, err := db.all.pebble.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		db.all.mu.RUnlock()
		return nil, fmt.Errorf("kv: %w", err)
	}
	it := &iterator{db: db, pebble: p, start: start, end: end, reverse: reverse}
	if reverse {
		it.valid = p.Last()
	} else {
		it.valid = p.First()
	}
	return it, nil
}

// iterator keeps the database open until it is closed.
type iterator struct {
	db         *DB
	pebble     *pebble.Iterator // nil after Close
	start, end []byte
	reverse    bool
	valid      bool
	err        error
}

func (it *iterator) Domain() (start, end []byte) { return it.start, it.end }
func (it *iterator) Valid() bool                 { return it.valid }

func (it *iterator) check() {
	if !it.valid {
		panic("kv: the iterator is at its end")
	}
}

func (it *iterator) Next() {
	it.check()
	if it.reverse {
		it.valid = it.pebble.Prev()
	} else {
		it.valid = it.pebble.Next()
	}
}

func (it *iterator) Key() []byte {
	it.check()
	return append([]byte{}, it.pebble.Key()[len(it.db.prefix):]...)
}

func (it *iterator) Value() []byte {
	it.check()
	value, err := it.pebble.ValueAndErr()
	if err != nil {
		it.err = err
	}
	return append([]byte{}, value...)
}

func (it *iterator) Error() error {
	if it.pebble == nil {
		return it.err
	}
	return errors.Join(it.err, it.pebble.Error())
}

func (it *iterator) Close() error {
	if it.pebble == nil {
		return nil
	}
	err := it.pebble.Close()
	it.pebble, it.valid = nil, false
	it.db.all.mu.RUnlock()
	return err
}
