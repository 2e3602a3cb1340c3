package store_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/store"
)

// TestUsageWhileWriting: usage is the same whether it is asked for the first time before,
// while or after blobs come and go, and when the store is opened again.
func TestUsageWhileWriting(t *testing.T) {
	const writers, blobs, size = 6, 60, 100
	fs := vfs.NewMem()
	d, err := store.Open("store", store.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	name := func(w int) string { return fmt.Sprint("w", w) }
	id := func(w, i int) commit.BlobID { return commit.BlobID{byte(w), byte(i), 31: byte(i)} }
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for i := range blobs {
				u := store.Update{Writer: name(w), Records: map[store.Record][]byte{store.Metadata: make([]byte, size)}}
				if err := d.Apply(id(w, i), u); err != nil {
					t.Error(err)
				}
				if i%3 == 2 {
					if _, err := d.Delete(id(w, i-1), func(store.Info) bool { return true }); err != nil {
						t.Error(err)
					}
				}
				// Some ask often, some once in the middle, some at the end only.
				if w%3 == 0 || w%3 == 1 && i == blobs/2 {
					if _, err := d.Usage(name((w + 1) % writers)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	running.Wait()
	check := func(when string) {
		t.Helper()
		for w := range writers {
			usage, err := d.Usage(name(w))
			if want := int64(size * blobs * 2 / 3); err != nil || usage.Pending != want || usage.Certified != 0 {
				t.Errorf("%s: %s has %+v (%v), want %d bytes pending", when, name(w), usage, err, want)
			}
		}
	}
	check("written")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = store.Open("store", store.Options{FS: fs}); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	check("opened again")
}
