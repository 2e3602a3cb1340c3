package store_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/internal/faultfs"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

const spaceShards = 10

var spaceOwner = store.Owner{Node: "n", System: "s", Shards: spaceShards}

// wholeBlob is an update with both slivers of every shard.
func wholeBlob(id commit.BlobID, size int) store.Update {
	u := store.Update{Records: map[store.Record][]byte{store.Metadata: make([]byte, 500)}}
	for pair := range spaceShards {
		for axis := range 2 {
			ref := store.Ref{Axis: rs2d.Axis(axis), Pair: pair}
			u.Slivers = append(u.Slivers, store.Sliver{Ref: ref, Data: content(id, ref, 0, size)})
		}
	}
	return u
}

// diskUsage returns what the files below a directory take of the disk, as du does.
func diskUsage(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			bytes += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// TestDeletedBytesComeBack compares what the disk says before and after: of a blob that
// is deleted all its slivers' bytes, of a shard that is dropped that shard's, and none of
// any other.
func TestDeletedBytesComeBack(t *testing.T) {
	const blobs, size = 6, 150_000
	dir := t.TempDir()
	d := open(t, dir, store.Options{Owner: spaceOwner})
	defer func() { d.Close() }()
	for i := range blobs {
		if err := d.Apply(blob(i), wholeBlob(blob(i), size)); err != nil {
			t.Fatal(err)
		}
	}
	slivers := filepath.Join(dir, "slivers")
	deleted, dropped := map[int]bool{}, map[int]bool{}
	expect := func(step string) {
		t.Helper()
		left, blocks := int64(0), int64(0)
		for i := range blobs {
			for _, s := range wholeBlob(blob(i), size).Slivers {
				got, err := d.Read(nil, blob(i), s.Ref, 0, -1)
				if deleted[i] || dropped[blob(i).ShardOfPair(s.Pair, spaceShards)] {
					if !errors.Is(err, store.ErrNotFound) {
						t.Fatalf("%s: blob %d, %v is still there: %v", step, i, s.Ref, err)
					}
					continue
				}
				if err != nil || !bytes.Equal(got, s.Data) {
					t.Fatalf("%s: blob %d, %v: %v", step, i, s.Ref, err)
				}
				left += size
				blocks++
			}
		}
		if got := diskUsage(t, slivers); got < left || got > left+blocks*4096 {
			t.Fatalf("%s: the disk has %d bytes of files for slivers of %d", step, got, left)
		}
	}
	expect("all")
	if gone, err := d.Delete(blob(2), nil); !gone || err != nil {
		t.Fatal(gone, err)
	}
	deleted[2] = true
	expect("a blob deleted")
	for _, shard := range []int{4, 5, 9} {
		if err := d.DropShard(t.Context(), shard); err != nil {
			t.Fatal(err)
		}
		dropped[shard] = true
		expect("a shard dropped")
		if list, err := d.Shard(shard, nil, 100); err != nil || len(list) > 0 {
			t.Fatalf("shard %d still has %v, %v", shard, list, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir, store.Options{Owner: spaceOwner})
	expect("opened again")
	if removed, err := d.Sweep(t.Context()); removed != 0 || err != nil {
		t.Fatal(removed, err)
	}
	expect("swept")
	for i := range blobs {
		if _, err := d.Delete(blob(i), nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := diskUsage(t, slivers); got != 0 {
		t.Fatalf("%d bytes are left of nothing", got)
	}
}

// TestDropTouchesItsShardOnly counts what is done to files when a shard is dropped: it
// does not depend on how many blobs other shards have.
func TestDropTouchesItsShardOnly(t *testing.T) {
	count := func(others int) (calls int) {
		fs := faultfs.New(vfs.NewMem())
		d := open(t, "store", store.Options{FS: fs, Owner: spaceOwner})
		defer d.Close()
		put := func(i int, with bool) {
			id := blob(i)
			u := wholeBlob(id, 20_000)
			if !with {
				u.Slivers = slices.DeleteFunc(u.Slivers, func(s store.Sliver) bool { return id.ShardOfPair(s.Pair, spaceShards) == 3 })
			}
			if err := d.Apply(id, u); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5 {
			put(i, true)
		}
		for i := range others {
			put(1000+i, false)
		}
		var mu sync.Mutex
		fs.Fail(func(op faultfs.Op) error {
			if strings.HasSuffix(op.Path, ".slivers") {
				mu.Lock()
				defer mu.Unlock()
				calls++
			}
			return nil
		})
		if err := d.DropShard(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		fs.Fail(nil)
		if list, err := d.Shard(4, nil, 1000); err != nil || len(list) != 5+others {
			t.Fatalf("%d blobs of another shard are left of %d, %v", len(list), 5+others, err)
		}
		return calls
	}
	if few, many := count(0), count(50); few == 0 || few != many {
		t.Fatalf("%d calls among 50 other blobs, %d without", many, few)
	}
}

// TestInlineBytesComeBack drops a shard whose slivers are in the database.
func TestInlineBytesComeBack(t *testing.T) {
	const blobs, size = 300, 4000
	dir := t.TempDir()
	d := open(t, dir, store.Options{Owner: spaceOwner})
	defer d.Close()
	for i := range blobs {
		if err := d.Apply(blob(i), wholeBlob(blob(i), size)); err != nil {
			t.Fatal(err)
		}
	}
	tables := func() (bytes int64) {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(dir, "db", "*.sst"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if info, err := os.Stat(name); err == nil {
				bytes += info.Size()
			}
		}
		return bytes
	}
	const all = blobs * size * 2 * spaceShards
	for shard := range spaceShards {
		if err := d.DropShard(t.Context(), shard); err != nil {
			t.Fatal(err)
		}
	}
	// The database removes old tables in the background.
	deadline := time.Now().Add(60 * time.Second)
	for tables() > all/4 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if got := tables(); got > all/4 {
		t.Fatalf("%d bytes of %d are left in tables", got, all)
	}
}

// TestSweepTrims has a crash leave bytes of dropped slivers in a file: they come back.
func TestSweepTrims(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, store.Options{Owner: spaceOwner})
	defer d.Close()
	id := blob(1)
	if err := d.Apply(id, wholeBlob(id, 100_000)); err != nil {
		t.Fatal(err)
	}
	name := files(t, vfs.Default, dir)[0]
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.DropShard(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	after := diskUsage(t, filepath.Join(dir, "slivers"))
	if err := os.WriteFile(name, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := diskUsage(t, filepath.Join(dir, "slivers")); got <= after+100_000 {
		t.Fatalf("nothing to trim: %d bytes, %d after the drop", got, after)
	}
	if removed, err := d.Sweep(t.Context()); removed != 0 || err != nil {
		t.Fatal(removed, err)
	}
	if got := diskUsage(t, filepath.Join(dir, "slivers")); got > after {
		t.Fatalf("got %d bytes, want %d", got, after)
	}
	for _, s := range wholeBlob(id, 100_000).Slivers {
		if id.ShardOfPair(s.Pair, spaceShards) != 3 {
			if err := read(d, id, s.Ref); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestWhollyFullDisk opens a store on a disk without one free byte: it is read, refuses
// writes, and takes them again when there is room.
func TestWhollyFullDisk(t *testing.T) {
	for name, ballast := range map[string]int64{"with ballast": 8 << 20, "without": -1} {
		t.Run(name, func(t *testing.T) {
			fs := faultfs.New(vfs.NewMem())
			fs.SetFree(1 << 30)
			options := store.Options{FS: fs, Owner: spaceOwner, Ballast: ballast}
			d := open(t, "store", options)
			if err := d.Apply(blob(1), wholeBlob(blob(1), 20_000)); err != nil {
				t.Fatal(err)
			}
			if err := d.Apply(blob(3), wholeBlob(blob(3), 20_000)); err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			fs.SetFree(0)
			for round := range 3 { // and it stays so
				d = open(t, "store", options)
				for _, s := range wholeBlob(blob(1), 20_000).Slivers {
					if got, err := d.Read(nil, blob(1), s.Ref, 0, -1); err != nil || !bytes.Equal(got, s.Data) {
						t.Fatalf("%v: %v", s.Ref, err)
					}
				}
				for range 3 {
					if err := d.Apply(blob(2), wholeBlob(blob(2), 20_000)); !errors.Is(err, store.ErrFull) {
						t.Fatalf("got %v, want ErrFull", err)
					}
				}
				// The ballast is room to note what is deleted.
				if gone, err := d.Delete(blob(3), nil); ballast > 0 && round == 0 && (!gone || err != nil) {
					t.Fatal(gone, err)
				}
				if err := d.Failed(); err != nil {
					t.Fatal(err)
				}
				_ = d.Close() // what is not written is not acknowledged
				fs.SetFree(0)
			}
			d = open(t, "store", options)
			defer d.Close()
			fs.SetFree(1 << 30)
			if err := d.Apply(blob(2), wholeBlob(blob(2), 20_000)); err != nil {
				t.Fatalf("with room again: %v", err)
			}
			if err := read(d, blob(2), store.Ref{}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestDiskFillsUp fills the disk while the store is written, without a reserve.
func TestDiskFillsUp(t *testing.T) {
	fs := faultfs.New(vfs.NewMem())
	fs.SetFree(3 << 20)
	options := store.Options{FS: fs, Owner: spaceOwner, Ballast: 1 << 20}
	d := open(t, "store", options)
	stored := 0
	var err error
	for ; err == nil && stored < 1000; stored++ {
		err = d.Apply(blob(stored), wholeBlob(blob(stored), []int{3000, 20_000}[stored%2]))
	}
	stored--
	if !errors.Is(err, store.ErrFull) || stored < 3 {
		t.Fatalf("after %d blobs: got %v, want ErrFull", stored, err)
	}
	if err := d.Failed(); err != nil {
		t.Fatalf("a full disk is the end of the store: %v", err)
	}
	for range 2 {
		for i := range stored {
			for _, s := range wholeBlob(blob(i), []int{3000, 20_000}[i%2]).Slivers {
				if got, err := d.Read(nil, blob(i), s.Ref, 0, -1); err != nil || !bytes.Equal(got, s.Data) {
					t.Fatalf("blob %d, %v: %v", i, s.Ref, err)
				}
			}
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d = open(t, "store", options)
	}
	for i := range stored {
		if gone, err := d.Delete(blob(i), nil); !gone || err != nil {
			t.Fatalf("nothing can be deleted from a full disk: %v, %v", gone, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFewDescriptors has a store work with few descriptors, and with none for a while.
func TestFewDescriptors(t *testing.T) {
	fs := faultfs.New(vfs.NewMem())
	fs.MaxOpen(store.MinOpenFiles)
	d := open(t, "store", store.Options{FS: fs, Owner: spaceOwner, MaxOpenFiles: store.MinOpenFiles, InlineMax: 4000})
	done := make(chan error)
	writers, each := 64, 12
	if testing.Short() {
		each = 4
	}
	for w := range writers {
		go func() {
			for i := range each {
				id := blob(w*each + i)
				if err := d.Apply(id, wholeBlob(id, []int{4000, 9000}[i%2])); err != nil {
					done <- err
					return
				}
				if err := read(d, id, store.Ref{Pair: i % spaceShards}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := d.Failed(); err != nil {
		t.Fatal(err)
	}
	// Somebody else takes all that are left: what needs one fails or waits, and no more.
	fs.MaxOpen(fs.OpenFiles())
	id := blob(1)
	err := d.Apply(id, wholeBlob(id, 9000))
	if err == nil || errors.Is(err, store.ErrFailed) || d.Failed() != nil {
		t.Fatalf("got %v, %v", err, d.Failed())
	}
	if err := read(d, id, store.Ref{}); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	// The database has to write tables, and waits for descriptors. Writes are refused
	// meanwhile, but for those that wait as well.
	waiting := make(chan error, 1)
	go func() {
		for i := range 5 * 16 << 20 / (4000 * 2 * spaceShards) {
			if err := d.Apply(blob(10_000+i), wholeBlob(blob(10_000+i), 4000)); err != nil {
				waiting <- err
				return
			}
		}
		waiting <- nil
	}()
	refused := false
	for !refused {
		select {
		case err := <-waiting:
			if !errors.Is(err, store.ErrUnavailable) {
				t.Fatalf("got %v, want ErrUnavailable", err)
			}
			refused, waiting = true, nil
		default:
			err := d.Apply(blob(9_999), store.Update{Records: map[store.Record][]byte{store.Metadata: {1}}})
			if refused = errors.Is(err, store.ErrUnavailable); err != nil && !refused {
				t.Fatalf("got %v, want ErrUnavailable", err)
			}
		}
	}
	fs.MaxOpen(0)
	if waiting != nil {
		if err := <-waiting; err != nil && !errors.Is(err, store.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if err := d.Failed(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(60 * time.Second); d.Apply(id, wholeBlob(id, 9000)) != nil && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if err := d.Apply(id, wholeBlob(id, 9000)); err != nil {
		t.Fatal(err)
	}
	if err := read(d, id, store.Ref{}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if open := fs.OpenFiles(); open != 0 {
		t.Fatalf("%d files are still open", open)
	}
}
