package client_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/rs2d"
)

func TestEveryCheckFindsLies(t *testing.T) {
	c := newCluster(t, 7, 28)
	// Blobs of all rows, of some, and of none.
	blobs := [][]byte{randomBlob(1, 300_000), randomBlob(2, 100), {}}
	for _, blob := range blobs {
		id := put(t, c.client(t, nil), blob)
		liar := c.committee.OwnerOfPair(id, 0)
		for _, check := range []rs2d.Check{rs2d.CheckStrict, rs2d.CheckSystematic, rs2d.CheckNone} {
			cl := c.client(t, func(o *client.Options) { o.Check, o.HedgeAfter = check, time.Minute })
			expectRead(t, cl, id, blob)
			c.set(fault.Corrupt, liar)
			expectRead(t, cl, id, blob)
			if cl.Peers()[liar].Lies() == 0 && len(blob) > 0 {
				t.Errorf("%d bytes, check %d: the liar was not named", len(blob), check)
			}
			c.set(0, liar)
		}
	}
}

func TestRanges(t *testing.T) {
	c := newCluster(t, 7, 28)
	blob := randomBlob(1, 30_000)
	cl := c.client(t, nil)
	id := put(t, cl, blob)
	params := c.committee.Params()
	size, err := params.SymbolSize(uint64(len(blob)))
	if err != nil {
		t.Fatal(err)
	}
	row := params.S * size
	for _, r := range [][2]int{
		{0, 0}, {0, 1}, {0, row}, {1, row - 1}, {row - 1, 1}, {row - 1, 2}, {row, row}, {row, 2*row + 1},
		{row + 5, 10}, {2*row + 5, 3 * row}, {0, len(blob)}, {len(blob) - 1, 1}, {len(blob), 0}, {7, len(blob) - 7},
	} {
		off, n := r[0], r[1]
		got, err := cl.ReadRange(t.Context(), id, uint64(off), uint64(n))
		if err != nil || !bytes.Equal(got, blob[off:off+n]) {
			t.Errorf("%d bytes from %d on: %d bytes, %v", n, off, len(got), err)
		}
	}
	var outside *rs2d.RangeError
	if _, err := cl.ReadRange(t.Context(), id, uint64(len(blob)), 1); !errors.As(err, &outside) {
		t.Error(err)
	}
	// The owner of a row lies: the range comes from the others.
	c.set(fault.Corrupt, c.committee.OwnerOfPair(id, 1))
	got, err := cl.ReadRange(t.Context(), id, uint64(row), uint64(row))
	if err != nil || !bytes.Equal(got, blob[row:2*row]) {
		t.Fatal(err)
	}
}
