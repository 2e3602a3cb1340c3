package store

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// counterMerger adds up 64-bit numbers, so that a counter changes in the same batch as
// what it counts and no writer waits for another. Its name is part of the format.
var counterMerger = &pebble.Merger{
	Name: "redstuff sum",
	Merge: func(_, value []byte) (pebble.ValueMerger, error) {
		c := new(counter)
		return c, c.MergeNewer(value)
	},
}

type counter int64

// MergeNewer adds a number.
func (c *counter) MergeNewer(value []byte) error {
	n, err := parseCounter(value)
	*c += counter(n)
	return err
}

// MergeOlder adds a number. The order does not matter.
func (c *counter) MergeOlder(value []byte) error { return c.MergeNewer(value) }

// Finish returns the sum.
func (c *counter) Finish(bool) ([]byte, io.Closer, error) { return counterValue(int64(*c)), nil, nil }

func counterValue(n int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(n)) }

func parseCounter(value []byte) (int64, error) {
	if len(value) != 8 {
		return 0, fmt.Errorf("%w: counter of %d bytes", ErrCorrupt, len(value))
	}
	return int64(binary.LittleEndian.Uint64(value)), nil
}

// usageKey returns the key of a counter of bytes.
func usageKey(pending bool, writer string) []byte {
	class := byte('c')
	if pending {
		class = 'u'
	}
	return append([]byte{usageKind, class}, writer...)
}

// counters remember what counters are that somebody asked for. The database adds up all
// that came since it last wrote tables when it is asked, which may be an addition for each
// of many thousands of blobs; each write asks for one.
type counters struct {
	mu     sync.RWMutex // commits share it: what is read for the first time is all that they did
	values sync.Map     // of *atomic.Int64, by keys
}

// addition is what a change adds to a counter.
type addition struct {
	key string
	n   int64
}

// commit calls f, which adds to counters of the database, and then does so to those that
// are remembered.
func (c *counters) commit(added []addition, f func() error) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if err := f(); err != nil {
		return err
	}
	for _, a := range added {
		if value, ok := c.values.Load(a.key); ok {
			value.(*atomic.Int64).Add(a.n)
		}
	}
	return nil
}

// get returns a counter. read reads it from the database; no commit is under way then.
func (c *counters) get(key string, read func() (int64, error)) (int64, error) {
	if value, ok := c.values.Load(key); ok {
		return value.(*atomic.Int64).Load(), nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := read()
	if err != nil {
		return 0, err
	}
	value, _ := c.values.LoadOrStore(key, new(atomic.Int64))
	value.(*atomic.Int64).Store(n)
	return n, nil
}
