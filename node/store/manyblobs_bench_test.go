package store_test

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// BenchmarkManyBlobs is about a store of many blobs of 4 KiB, of which it has what a node of
// ten gets with a hundred shards: how long it takes to open it again, to list all blobs, to
// look at each, and to read and check all slivers as a scrub does; how much memory the
// process has in the end, and the store on the disk. It fills the store once: 100,000 blobs
// take a gigabyte.
func BenchmarkManyBlobs(b *testing.B) {
	for _, blobs := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(blobs), func(b *testing.B) {
			dir, owner := b.TempDir(), store.Owner{Shards: 100}
			fill(b, dir, owner, blobs)
			took := make(map[string]time.Duration)
			for b.Loop() {
				began := time.Now()
				lap := func(what string) {
					took[what] += time.Since(began)
					began = time.Now()
				}
				d, err := store.Open(dir, store.Options{Owner: owner})
				if err != nil {
					b.Fatal(err)
				}
				lap("open")
				ids := allBlobs(b, d)
				lap("list")
				if len(ids) != blobs {
					b.Fatalf("%d blobs, want %d", len(ids), blobs)
				}
				var slivers []store.Entry
				for _, id := range ids {
					info, err := d.Info(id)
					if err != nil {
						b.Fatal(err)
					}
					slivers = info.Slivers
				}
				lap("info")
				for _, id := range ids {
					for _, s := range slivers {
						if err := d.Check(id, s.Ref); err != nil {
							b.Fatal(err)
						}
					}
				}
				lap("check")
				if _, err := d.Sweep(b.Context()); err != nil {
					b.Fatal(err)
				}
				lap("sweep")
				debug.FreeOSMemory()
				if pages := residentPages(); pages > 0 {
					b.ReportMetric(float64(pages*os.Getpagesize())/(1<<20), "resident-MiB")
				}
				if err := d.Close(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(bytesIn(b, dir))/float64(blobs), "disk-B/blob")
			}
			for what, all := range took {
				b.ReportMetric(float64(all.Milliseconds())/float64(b.N), what+"-ms")
			}
		})
	}
}

// fill makes a store of many blobs.
func fill(b *testing.B, dir string, owner store.Owner, blobs int) {
	b.Helper()
	d, err := store.Open(dir, store.Options{Owner: owner})
	if err != nil {
		b.Fatal(err)
	}
	const together = 512
	var updates []store.BlobUpdate
	for i := range blobs {
		u := store.Update{
			Writer:  "writer",
			Records: map[store.Record][]byte{store.Metadata: random(6600), store.Certificate: random(400)},
		}
		for pair := range 10 {
			for axis, symbols := range []int{67, 34} {
				u.Slivers = append(u.Slivers, store.Sliver{Ref: store.Ref{Axis: rs2d.Axis(axis), Pair: pair}, Data: random(2 * symbols)})
			}
		}
		if updates = append(updates, store.BlobUpdate{Blob: blob(i), Update: u}); len(updates) == together || i == blobs-1 {
			if err := d.ApplyAll(updates); err != nil {
				b.Fatal(err)
			}
			updates = updates[:0]
		}
	}
	if err := d.Close(); err != nil {
		b.Fatal(err)
	}
}

// allBlobs lists all blobs as nodes do.
func allBlobs(b *testing.B, d *store.Disk) (ids []commit.BlobID) {
	b.Helper()
	var after *commit.BlobID
	for {
		page, err := d.Blobs(after, 1000)
		if err != nil {
			b.Fatal(err)
		}
		if ids = append(ids, page...); len(page) < 1000 {
			return ids
		}
		after = &ids[len(ids)-1]
	}
}

func random(n int) []byte {
	data := make([]byte, n)
	rand.Read(data)
	return data
}

// bytesIn returns how long all files of a directory are.
func bytesIn(b *testing.B, dir string) (bytes int64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return bytes
}

// residentPages returns how many pages of memory the process has, or 0 where the system
// does not tell.
func residentPages() (pages int) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages
}
