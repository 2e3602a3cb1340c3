package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// Keys of the log: a letter for the kind of thing, and a height in big-endian order.
const (
	kindBlock    = 'b' // an entry
	kindChain    = 'c' // the ledger's id
	kindEarlier  = 'e' // the height of a snapshot and an earlier one, then a key of the state: what made it of the snapshot
	kindLast     = 'l' // the height of the last snapshot that is complete
	kindSnapshot = 's' // then a key of the state
)

// ErrLog is returned when a directory has no log, or another one than is asked for, or
// one that contradicts itself. What wraps it says what.
var ErrLog = errors.New("embedded: wrong log")

// entry is a block as it is written, with what became of it.
type entry struct {
	Time    uint64
	Txs     [][]byte
	Root    [tree.HashSize]byte // of the state after it
	Events  [][]byte            // of the time that passed
	Results []result
}

// result is what became of a transaction.
type result struct {
	Rule, Detail string // "" if it broke none
	Fee          uint64
	Events       [][]byte
}

// log keeps blocks and snapshots in a database.
type log struct {
	mu     sync.RWMutex // held for writing while the database closes: pebble panics when it is read after that
	db     *pebble.DB
	closed bool
}

// openLog opens the log of the ledger in a directory, which it makes if there is none.
func openLog(fs vfs.FS, dir string, chain ledger.ChainID) (*log, error) {
	db, err := pebble.Open(dir, &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}})
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	l := &log{db: db}
	known, err := l.get([]byte{kindChain})
	switch {
	case err == nil && string(known) != string(chain[:]):
		err = fmt.Errorf("%w: %s is that of the ledger %x, not of %v", ErrLog, dir, known, chain)
	case errors.Is(err, pebble.ErrNotFound):
		err = db.Set([]byte{kindChain}, chain[:], pebble.Sync)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return l, nil
}

// quiet drops what pebble logs, but for the end of the process.
type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func height(kind byte, h uint64) []byte { return binary.BigEndian.AppendUint64([]byte{kind}, h) }

// close closes the database. Whoever reads afterwards gets chain.ErrClosed.
func (l *log) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return l.db.Close()
}

func (l *log) get(key []byte) ([]byte, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return nil, chain.ErrClosed
	}
	value, closer, err := l.db.Get(key)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append([]byte(nil), value...), nil
}

// append makes a block durable.
func (l *log) append(h uint64, e *entry) error {
	return l.db.Set(height(kindBlock, h), codec.Marshal(e), pebble.Sync)
}

// block returns the block of a height, or nil if there is none.
func (l *log) block(h uint64) (*entry, error) {
	data, err := l.get(height(kindBlock, h))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	e := new(entry)
	if err := codec.Unmarshal(data, e); err != nil {
		return nil, fmt.Errorf("%w: block %d: %w", ErrLog, h, err)
	}
	return e, nil
}

// snapshot writes a state, in pieces, with what makes earlier states of it, and then that it
// is complete. The one before is dropped.
func (l *log) snapshot(s *ledger.State, earlier []*ledger.State) error {
	const piece = 4 << 20
	h := s.System().Height
	batch := l.db.NewBatch()
	defer func() { _ = batch.Close() }()
	set := func(key, value []byte) error {
		err := batch.Set(key, value, nil)
		if err == nil && batch.Len() >= piece {
			err = batch.Commit(pebble.NoSync)
			batch.Reset()
		}
		if err != nil {
			return fmt.Errorf("embedded: %w", err)
		}
		return nil
	}
	prefix := height(kindSnapshot, h)
	for key, value := range s.Snapshot() {
		if err := set(append(prefix[:len(prefix):len(prefix)], key...), value); err != nil {
			return err
		}
	}
	if err := setEarlier(s, earlier, set); err != nil {
		return err
	}
	last := binary.BigEndian.AppendUint64(nil, h)
	err := errors.Join(
		batch.Set([]byte{kindLast}, last, nil),
		batch.DeleteRange([]byte{kindSnapshot}, prefix, nil),
		batch.DeleteRange([]byte{kindEarlier}, height(kindEarlier, h), nil),
		batch.Commit(pebble.Sync),
	)
	if err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	return nil
}

// lastSnapshot returns the height of the last complete snapshot, and its keys and
// values; 0 if there is none. The error of reading it is set when the sequence ends.
func (l *log) lastSnapshot() (h uint64, pairs iter.Seq2[[]byte, []byte], failure *error, err error) {
	data, err := l.get([]byte{kindLast})
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil, nil, nil
	}
	if err != nil {
		return 0, nil, nil, fmt.Errorf("embedded: %w", err)
	}
	if len(data) != 8 {
		return 0, nil, nil, fmt.Errorf("%w: height of the snapshot", ErrLog)
	}
	h = binary.BigEndian.Uint64(data)
	failure = new(error)
	prefix := height(kindSnapshot, h)
	return h, func(yield func([]byte, []byte) bool) {
		it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: height(kindSnapshot, h+1)})
		if err != nil {
			*failure = err
			return
		}
		for ok := it.First(); ok; ok = it.Next() {
			if !yield(it.Key()[len(prefix):], it.Value()) {
				break
			}
		}
		*failure = errors.Join(it.Error(), it.Close())
	}, failure, nil
}
