package inventory

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestCount counts more blobs than a page has, with and without certificates.
func TestCount(t *testing.T) {
	disk, err := store.Open("store", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	c := New(disk, slog.New(slog.DiscardHandler))
	if got, ok := c.Totals(); ok {
		t.Errorf("%+v before the first count", got)
	}
	var want Totals
	for i := range 2*page + 3 {
		u := store.Update{
			Records: map[store.Record][]byte{store.Metadata: {1}},
			Slivers: []store.Sliver{{Ref: store.Ref{Axis: rs2d.Secondary, Pair: 3}, Data: make([]byte, i)}},
		}
		if i%3 == 0 {
			u.Records[store.Certificate] = []byte{2}
			want.Certified++
		}
		if err := disk.Apply(commit.BlobID{byte(i), byte(i >> 8)}, u); err != nil {
			t.Fatal(err)
		}
		want.Blobs++
		want.Slivers++
		want.Bytes += int64(i)
	}
	if err := c.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, ok := c.Totals(); got != want || !ok {
		t.Errorf("%+v, want %+v", got, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Count(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// broken is a store that takes a second to fail, after it has worked once.
type broken struct{ calls atomic.Int64 }

func (b *broken) Info(commit.BlobID) (store.Info, error) { return store.Info{}, nil }

func (b *broken) Blobs(*commit.BlobID, int) ([]commit.BlobID, error) {
	time.Sleep(time.Second)
	if b.calls.Add(1) > 1 {
		return nil, errors.New("broken")
	}
	return []commit.BlobID{{1}}, nil
}

// TestRun counts as often as a count's time allows, and keeps what is known when the store
// fails.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(broken)
		c := New(b, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			c.Run(ctx)
			close(done)
		}()
		time.Sleep(10 * (share + 1) * time.Second)
		synctest.Wait()
		if got, ok := c.Totals(); got.Blobs != 1 || !ok {
			t.Errorf("%+v, %v, want those of the count that ended", got, ok)
		}
		if calls := b.calls.Load(); calls < 9 || calls > 11 || c.Counts() != 1 {
			t.Errorf("%d counts, %d of which ended, want 10 and 1", calls, c.Counts())
		}
		cancel()
		<-done
	})
}
