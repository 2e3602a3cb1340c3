package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
)

// A blob of streamed bytes takes more memory, encoded, than streamMemory allows, so that it
// is stored piece by piece.
const (
	streamed     = 8 << 20
	streamMemory = 34 << 20
)

func (c *cluster) streamer(t *testing.T, tune func(*client.Options)) *client.Client {
	t.Helper()
	return c.client(t, func(o *client.Options) {
		o.MaxMemory, o.Workers = streamMemory, 2
		o.Timeout, o.Peer.Idle = 5*time.Minute, 5*time.Minute // the detector and a busy machine take their time
		if tune != nil {
			tune(o)
		}
	})
}

// expectStored fails the test unless all nodes but some have their part of what was stored,
// and the blob can be read.
func (c *cluster) expectStored(t *testing.T, r *client.Receipt, blob []byte, but ...int) {
	t.Helper()
	cl := c.client(t, nil)
	want, err := cl.Code().ID(blob)
	if err != nil {
		t.Fatal(err)
	}
	if r.ID != want || r.Metadata.Length != uint64(len(blob)) {
		t.Fatalf("stored as %v of %d bytes, want %v of %d", r.ID, r.Metadata.Length, want, len(blob))
	}
	lacking := make(map[int]bool)
	for _, i := range but {
		lacking[i] = true
	}
	for i, s := range cl.Status(t.Context(), r.ID) {
		if !lacking[i] && (s.Err != nil || !s.Status.Complete) {
			t.Errorf("node %d has %d and %d slivers, %v, want all", i, len(s.Status.Primary), len(s.Status.Secondary), s.Err)
		}
	}
	expectRead(t, cl, r.ID, blob)
}

// TestStoreFrom stores a blob piece by piece, and tells how far it is.
func TestStoreFrom(t *testing.T) {
	c := newCluster(t, 7, 100)
	blob := randomBlob(1, streamed)
	cl := c.streamer(t, nil)
	if _, err := cl.Store(t.Context(), blob); !errors.Is(err, client.ErrTooLarge) {
		t.Fatalf("as a whole: %v, want ErrTooLarge: or nothing is shown", err)
	}
	g := newGauge(t)
	r, err := cl.StoreFrom(t.Context(), bytes.NewReader(blob), streamed, client.Progress(g.tell))
	if err != nil {
		t.Fatal(err)
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.expectEnd()
	c.expectStored(t, r, blob)
	// Nobody sends again what is there: each node answers one request more.
	if _, err := cl.StoreFrom(t.Context(), bytes.NewReader(blob), streamed); err != nil {
		t.Fatal(err)
	}
}

// TestStoreReader stores what a reader has, and leaves no file.
func TestStoreReader(t *testing.T) {
	c := newCluster(t, 4, 100)
	blob := randomBlob(2, streamed)
	dir := t.TempDir()
	r, err := c.streamer(t, nil).StoreReader(t.Context(), io.MultiReader(bytes.NewReader(blob[:5]), bytes.NewReader(blob[5:])), client.SpoolIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	c.expectStored(t, r, blob, 0, 1, 2, 3) // those that were late go on
	broken := errors.New("broken")
	if _, err := c.streamer(t, nil).StoreReader(t.Context(), io.MultiReader(bytes.NewReader(blob[:5]), failing{broken}), client.SpoolIn(dir)); !errors.Is(err, broken) {
		t.Errorf("error %v, want the reader's", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left of a failure, %v", left, err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)          { return 0, f.err }
func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

// TestStoreFromWithBadNodes stores a blob although as many nodes as may misbehave do.
func TestStoreFromWithBadNodes(t *testing.T) {
	for name, kind := range map[string]fault.Kind{"stall": fault.Stall, "refuse": fault.Refuse, "false": fault.FalseAck} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && kind != fault.Stall {
				t.Skip("stalling is the worst of them")
			}
			c := newCluster(t, 7, 100)
			blob := randomBlob(3, streamed)
			c.set(kind, 0, 1)
			cl := c.streamer(t, func(o *client.Options) { o.Grace = 100 * time.Millisecond })
			r, err := cl.StoreFrom(t.Context(), bytes.NewReader(blob), streamed)
			if err != nil {
				t.Fatal(err)
			}
			c.set(0, 0, 1)
			c.expectStored(t, r, blob, 0, 1)
		})
	}
	t.Run("too many", func(t *testing.T) {
		c := newCluster(t, 7, 100)
		c.set(fault.Refuse, 0, 1, 2)
		var quorum *client.QuorumError
		if _, err := c.streamer(t, nil).StoreFrom(t.Context(), bytes.NewReader(randomBlob(3, streamed)), streamed); !errors.As(err, &quorum) {
			t.Errorf("error %v, want a QuorumError", err)
		}
	})
}

// TestStoreFromAgain cuts connections of more nodes than may fail, once.
func TestStoreFromAgain(t *testing.T) {
	c := newCluster(t, 7, 100)
	blob := randomBlob(4, streamed)
	for i := range 4 {
		c.nodes[i].cut.Store(1)
	}
	cl := c.streamer(t, nil)
	r, err := cl.StoreFrom(t.Context(), bytes.NewReader(blob), streamed)
	if err != nil {
		t.Fatal(err)
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.expectStored(t, r, blob)
}

// changing is a file that changes when it has been read so many times.
type changing struct {
	blob  []byte
	after int64
	reads atomic.Int64
}

func (c *changing) ReadAt(b []byte, off int64) (int, error) {
	n := copy(b, c.blob[off:])
	if n > 0 && c.reads.Add(int64(n)) > c.after {
		b[0] ^= 1
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// TestStoreFromFails stores nothing of what cannot be read, or changes.
func TestStoreFromFails(t *testing.T) {
	c := newCluster(t, 4, 100)
	blob := randomBlob(5, streamed)
	cl := c.streamer(t, nil)
	broken := errors.New("broken")
	if _, err := cl.StoreFrom(t.Context(), failing{broken}, streamed); !errors.Is(err, broken) {
		t.Errorf("error %v, want the file's", err)
	}
	if _, err := cl.StoreFrom(t.Context(), bytes.NewReader(blob), streamed+1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v of a file that is too short, want that it ended", err)
	}
	if _, err := cl.StoreFrom(t.Context(), bytes.NewReader(blob), 1<<40); err == nil {
		t.Error("no error of a blob that no code of 100 shards holds")
	}
	// It is read twice for each encoding: once by rows, once by columns.
	if r, err := cl.StoreFrom(t.Context(), &changing{blob: blob, after: 3*streamed + streamed/2}, streamed); err == nil {
		t.Errorf("%v is stored of a file that changed", r.ID)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := cl.StoreFrom(ctx, bytes.NewReader(blob), streamed, client.Progress(func(done, total int64) {
		if done > total/2 {
			cancel()
		}
	}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	if err := cl.List(t.Context(), func(b client.Blob) bool {
		if b.Certified {
			t.Errorf("%v is certified", b.ID)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
}
