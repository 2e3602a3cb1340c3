package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/rs2d"
)

func (c *cluster) readerAt(t *testing.T, cl *client.Client, id commit.BlobID) *client.ReaderAt {
	t.Helper()
	r, err := client.NewReaderAt(t.Context(), cl, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestReaderAt reads a blob at all kinds of places, from several goroutines, and asks
// nodes once for what follows.
func TestReaderAt(t *testing.T) {
	c := newCluster(t, 7, 28)
	cl := c.client(t, nil)
	for _, blob := range [][]byte{{}, {1}, randomBlob(1, 300_000), randomBlob(2, 1_654_321)} {
		r := c.readerAt(t, cl, put(t, cl, blob))
		if r.Size() != int64(len(blob)) {
			t.Errorf("size %d of %d bytes", r.Size(), len(blob))
		}
		if !testing.Short() || len(blob) < 1<<20 { // it reads byte by byte
			if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), blob); err != nil {
				t.Errorf("%d bytes: %v", len(blob), err)
			}
		}
		if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
			t.Error("a byte before the first")
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 12 {
					off := rand.IntN(len(blob) + 1)
					part := make([]byte, rand.IntN(min(len(blob)-off, 500_000)+1)+3)
					n, err := r.ReadAt(part, int64(off))
					if want := blob[off:min(len(blob), off+len(part))]; !bytes.Equal(part[:n], want) || (n < len(part)) != (err == io.EOF) || n == len(part) && err != nil {
						t.Errorf("%d of %d bytes at %d, %v, want %d", n, len(part), off, err, len(want))
					}
				}
			})
		}
		all.Wait()
	}
	blob := randomBlob(3, 300_000)
	r := c.readerAt(t, cl, put(t, cl, blob))
	for range 2 {
		before := int64(0)
		for _, m := range c.nodes {
			before += m.slivers.Load()
		}
		got, err := io.ReadAll(iotest.OneByteReader(io.NewSectionReader(r, 0, 10_000)))
		if err != nil || !bytes.Equal(got, blob[:10_000]) {
			t.Fatal(err)
		}
		asked := -before
		for _, m := range c.nodes {
			asked += m.slivers.Load()
		}
		if asked > 1 {
			t.Errorf("%d requests for the bytes of one sliver", asked)
		}
	}
}

// TestReaderAtTriesAgain reads what could not be read before.
func TestReaderAtTriesAgain(t *testing.T) {
	c := newCluster(t, 4, 4)
	blob := randomBlob(1, 50_000)
	cl := c.client(t, nil)
	r := c.readerAt(t, cl, put(t, cl, blob))
	c.set(fault.Refuse, 0, 1, 2, 3)
	part := make([]byte, 100)
	if n, err := r.ReadAt(part, 10); n != 0 || !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("%d bytes, %v, want ErrUnavailable", n, err)
	}
	c.set(0, 0, 1, 2, 3)
	if _, err := r.ReadAt(part, 10); err != nil || !bytes.Equal(part, blob[10:110]) {
		t.Errorf("%v, want the bytes", err)
	}
	if _, err := client.NewReaderAt(t.Context(), cl, commit.BlobID{1}); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.NewReaderAt(ctx, c.client(t, nil), commit.BlobID{1}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// TestLargeRangeWithBadNodes reads ranges of a blob that does not fit into the client's
// memory, although the nodes that have them do not give them, or lie.
func TestLargeRangeWithBadNodes(t *testing.T) {
	c := newCluster(t, 7, 100)
	blob := randomBlob(6, longBlob)
	id := put(t, c.client(t, nil), blob)
	for name, kind := range map[string]fault.Kind{"refuse": fault.Refuse, "lie": fault.Corrupt, "stall": fault.Stall} {
		t.Run(name, func(t *testing.T) {
			bad := c.committee.OwnerOfPair(id, 0)
			c.set(kind, bad)
			defer c.set(0, bad)
			cl := c.longReader(t, rs2d.CheckStrict)
			if _, err := cl.Read(t.Context(), id); !errors.Is(err, client.ErrTooLarge) {
				t.Fatalf("as a whole: %v, want ErrTooLarge: or nothing is shown", err)
			}
			for _, r := range [][2]int{{0, 1000}, {123_456, 1}, {100_000, 700_000}, {0, 1}} {
				got, err := cl.ReadRange(t.Context(), id, uint64(r[0]), uint64(r[1]))
				if err != nil || !bytes.Equal(got, blob[r[0]:][:r[1]]) {
					t.Errorf("%d bytes at %d: %d bytes, %v", r[1], r[0], len(got), err)
				}
			}
			part := make([]byte, 500_000)
			if n, err := c.readerAt(t, cl, id).ReadAt(part, 1000); n != len(part) || err != nil || !bytes.Equal(part, blob[1000:][:n]) {
				t.Errorf("reader: %d bytes, %v", n, err)
			}
		})
	}
}
