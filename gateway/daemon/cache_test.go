package daemon

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
)

// counted is a store whose reads are counted, and may be held.
type counted struct {
	*fake
	mu    sync.Mutex
	reads int
	hold  chan struct{} // that reads wait for, or nil
}

func (c *counted) Read(ctx context.Context, id commit.BlobID) ([]byte, error) {
	c.mu.Lock()
	c.reads++
	c.mu.Unlock()
	if c.hold != nil {
		select {
		case <-c.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return c.fake.Read(ctx, id)
}

func newCounted(t testing.TB, o CacheOptions) (*counted, *Cache) {
	s := &counted{fake: newFake(t)}
	c, err := NewCache(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func (c *counted) put(t testing.TB, blob []byte) commit.BlobID {
	s, err := c.Put(t.Context(), blob, PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s.Blob
}

// TestCache reads what is remembered without the store, until it is too old.
func TestCache(t *testing.T) {
	s, c := newCounted(t, CacheOptions{Bytes: 1 << 20, Age: time.Minute})
	blob := []byte(text)
	id := s.put(t, blob)
	synctest.Test(t, func(t *testing.T) {
		expect := func(reads int) {
			t.Helper()
			if got, err := c.Read(t.Context(), id); err != nil || !bytes.Equal(got, blob) || s.reads != reads {
				t.Errorf("%q (%v) in %d reads, want %q in %d", got, err, s.reads, blob, reads)
			}
		}
		expect(1)
		expect(1)
		s.err = client.ErrUnavailable
		expect(1)
		if got, err := c.ReadRange(t.Context(), id, 3, 5); err != nil || string(got) != text[3:8] {
			t.Errorf("a range: %q (%v), want %q", got, err, text[3:8])
		}
		var w bytes.Buffer
		if err := c.Stream(t.Context(), id, &w, Part{Off: 1, N: 9}); err != nil || w.String() != text[1:10] {
			t.Errorf("a stream: %q (%v), want %q", w.String(), err, text[1:10])
		}
		time.Sleep(time.Minute + 1) // of the test's clock
		if _, err := c.Read(t.Context(), id); !errors.Is(err, client.ErrUnavailable) {
			t.Errorf("too old: %v, want the store's error", err)
		}
		if _, err := c.ReadRange(t.Context(), id, 3, 5); !errors.Is(err, client.ErrUnavailable) {
			t.Errorf("a range that is too old: %v, want the store's error", err)
		}
		s.err = nil
		expect(3) // errors are not remembered
		expect(3)
		if st := c.Stats(); st.Entries.Load() != 1 || st.Bytes.Load() < int64(len(blob)) || st.Hits.Load() == 0 || st.Misses.Load() != 3 {
			t.Errorf("%d entries of %d bytes, %d hits, %d misses", st.Entries.Load(), st.Bytes.Load(), st.Hits.Load(), st.Misses.Load())
		}
	})
}

// TestCacheShares reads once what many ask for at once, and stops when nobody does any more.
func TestCacheShares(t *testing.T) {
	s, c := newCounted(t, CacheOptions{Bytes: 1 << 20})
	id, other := s.put(t, []byte(text)), s.put(t, []byte("other"))
	synctest.Test(t, func(t *testing.T) {
		s.hold = make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		for i := range 10 {
			waiting.Go(func() {
				ctx, want := ctx, context.Canceled // those that give up
				if i%2 == 1 {
					ctx, want = t.Context(), nil
				}
				if _, err := c.Read(ctx, id); !errors.Is(err, want) {
					t.Errorf("reader %d: %v, want %v", i, err, want)
				}
			})
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(s.hold)
		waiting.Wait()
		if s.reads != 1 {
			t.Errorf("%d reads for ten at once, want 1", s.reads)
		}
		s.hold = make(chan struct{})
		ctx, cancel = context.WithCancel(t.Context())
		waiting.Go(func() {
			if _, err := c.Read(ctx, other); !errors.Is(err, context.Canceled) {
				t.Errorf("the only reader: %v, want %v", err, context.Canceled)
			}
		})
		synctest.Wait()
		cancel()
		waiting.Wait()
		synctest.Wait() // the read has ended, or the bubble would not
		close(s.hold)
		if got, err := c.Read(t.Context(), other); err != nil || string(got) != "other" {
			t.Errorf("after one was given up: %q (%v)", got, err)
		}
	})
}

// TestCacheBounded reads blobs in any order: what comes is right, and no more is held than may be.
func TestCacheBounded(t *testing.T) {
	const bound = 16 << 10
	s := &counted{fake: newFake(t)}
	var blobs [][]byte
	var ids []commit.BlobID
	for i := range 40 {
		blobs = append(blobs, bytes.Repeat([]byte{byte(i)}, 1+i*100))
		ids = append(ids, s.put(t, blobs[i]))
	}
	rapid.Check(t, func(r *rapid.T) {
		c, err := NewCache(s, CacheOptions{Bytes: bound})
		if err != nil {
			r.Fatal(err)
		}
		check := func(i int) {
			got, err := c.Read(t.Context(), ids[i])
			if err != nil || !bytes.Equal(got, blobs[i]) {
				r.Fatalf("blob %d: %d bytes (%v), want %d", i, len(got), err, len(blobs[i]))
			}
			if meta, err := c.Metadata(t.Context(), ids[i]); err != nil || meta.Length != uint64(len(blobs[i])) {
				r.Fatalf("metadata of blob %d: %+v (%v)", i, meta, err)
			}
			c.mu.Lock() // the last read may be on its way into the cache still
			defer c.mu.Unlock()
			sum := int64(0)
			for at := c.order.Front(); at != nil; at = at.Next() {
				e := at.Value.(*cached)
				if sum += e.bytes; e.bytes > c.MaxEntry() {
					r.Fatalf("an entry of %d bytes, want %d at most", e.bytes, c.MaxEntry())
				}
			}
			if sum != c.held || sum > bound || len(c.entries) != c.order.Len() || len(c.flights) != 0 {
				r.Fatalf("%d bytes are held, %d counted, %d may be; %d entries, %d in order, %d flights", sum, c.held, bound, len(c.entries), c.order.Len(), len(c.flights))
			}
		}
		for _, i := range rapid.SliceOf(rapid.IntRange(0, len(ids)-1)).Draw(r, "blobs") {
			check(i)
		}
	})
}

// TestCacheServes serves requests before a cache: a blob that was read is read without nodes.
func TestCacheServes(t *testing.T) {
	s, c := newCounted(t, CacheOptions{Bytes: 1 << 20})
	id := s.put(t, []byte(text))
	d, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	served := serveHandler(t, s.fake, d)
	for range 2 {
		if answer, got := served.ask("GET", "/v1/blobs/"+id.String(), nil); answer.StatusCode != 200 || got != text {
			t.Errorf("status %d, %q", answer.StatusCode, got)
		}
		s.err = client.ErrUnavailable
	}
	if answer, _ := served.ask("GET", "/v1/blobs/"+id.String(), nil, "Range: bytes=1-2"); answer.StatusCode != 206 {
		t.Errorf("a range of it: status %d, want 206", answer.StatusCode)
	}
}

// TestCacheOptions refuses options that make no sense.
func TestCacheOptions(t *testing.T) {
	for name, o := range map[string]CacheOptions{"none": {}, "negative": {Bytes: -1}, "negative age": {Bytes: 1, Age: -1}} {
		if _, err := NewCache(newFake(t), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := NewCache(nil, CacheOptions{Bytes: 1}); err == nil {
		t.Error("no store: no error")
	}
}
