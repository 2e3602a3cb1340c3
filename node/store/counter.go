package store

import (
	"encoding/binary"
	"fmt"
	"io"

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
