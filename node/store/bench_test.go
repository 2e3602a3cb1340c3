package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// BenchmarkApply stores what a node of ten gets of a blob over a hundred shards.
func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20, 16 << 20} { // of the blob
		var slivers []store.Sliver
		total := 0
		for pair := range 10 {
			for axis, symbols := range []int{67, 34} {
				ref := store.Ref{Axis: rs2d.Axis(axis), Pair: pair}
				data := content(blob(0), ref, 0, symbols*(size/(67*34)+2)&^1)
				slivers = append(slivers, store.Sliver{Ref: ref, Data: data})
				total += len(data)
			}
		}
		for _, writers := range []int{1, 8} {
			b.Run(fmt.Sprintf("%dKiB/%d", size>>10, writers), func(b *testing.B) {
				d, err := store.Open(b.TempDir(), store.Options{})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { d.Close() })
				b.SetBytes(int64(total))
				inParallel(b, writers, func(i int) error {
					return d.Apply(blob(i), store.Update{Records: map[store.Record][]byte{store.Metadata: make([]byte, 6600)}, Slivers: slivers})
				})
			})
			b.Run(fmt.Sprintf("%dKiB/%d/files", size>>10, writers), func(b *testing.B) {
				dir := b.TempDir()
				data := make([]byte, total)
				b.SetBytes(int64(total))
				inParallel(b, writers, func(i int) error { return syncedFile(filepath.Join(dir, fmt.Sprint(i)), data) })
			})
		}
	}
}

// syncedFile is what the disk itself takes.
func syncedFile(name string, data []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// inParallel calls f b.N times, by that many goroutines.
func inParallel(b *testing.B, goroutines int, f func(int) error) {
	b.Helper()
	var next atomic.Int64
	done := make(chan error)
	b.ResetTimer()
	for range goroutines {
		go func() {
			for {
				i := int(next.Add(1))
				if i > b.N {
					done <- nil
					return
				}
				if err := f(i); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for range goroutines {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDropShard drops a shard of a hundred blobs, alone in the store or among many
// blobs of other shards: what others have costs nothing.
func BenchmarkDropShard(b *testing.B) {
	const shards, blobs = 10, 100
	for _, others := range []int{0, 1000} {
		for _, size := range []int{1 << 10, 32 << 10} {
			b.Run(fmt.Sprintf("%dKiB/others=%d", size>>10, others), func(b *testing.B) {
				d, err := store.Open(b.TempDir(), store.Options{Owner: store.Owner{Shards: shards}})
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { d.Close() })
				put := func(i, shard int) {
					id := blob(i)
					var u store.Update
					for pair := range shards {
						if on := id.ShardOfPair(pair, shards); on == shard || on == shard+1 {
							u.Slivers = append(u.Slivers, store.Sliver{Ref: store.Ref{Pair: pair}, Data: make([]byte, size)})
						}
					}
					if err := d.Apply(id, u); err != nil {
						b.Fatal(err)
					}
				}
				for i := range others {
					put(1_000_000+i, 6)
				}
				for b.Loop() {
					b.StopTimer()
					for i := range blobs {
						put(i, 2)
					}
					b.StartTimer()
					if err := d.DropShard(b.Context(), 2); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
