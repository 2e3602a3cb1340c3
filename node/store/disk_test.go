package store_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

func open(t *testing.T, dir string, o store.Options) *store.Disk {
	t.Helper()
	d, err := store.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func blob(i int) (id commit.BlobID) {
	r := rand.New(rand.NewPCG(uint64(i), 1))
	for j := range id {
		id[j] = byte(r.Uint32())
	}
	return id
}

// content returns bytes that differ for every blob, sliver and version.
func content(id commit.BlobID, ref store.Ref, version, size int) []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(id[0])|uint64(id[1])<<8|uint64(ref.Axis)<<16|uint64(ref.Pair)<<24)
	binary.LittleEndian.PutUint64(seed[8:], uint64(version))
	data := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(data)
	return data
}

var sizes = []int{0, 1, 100, 8 << 10, 8<<10 + 1, 64 << 10, 64<<10 + 1, 200_000}

func TestReadBack(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, store.Options{})
	id := blob(1)
	u := store.Update{Records: map[store.Record][]byte{store.Metadata: []byte("m"), store.Certificate: []byte("c")}}
	var want []store.Entry
	for axis := range 2 {
		for i, size := range sizes {
			ref := store.Ref{Axis: rs2d.Axis(axis), Pair: i * 1000}
			u.Slivers = append(u.Slivers, store.Sliver{Ref: ref, Data: content(id, ref, 0, size)})
			want = append(want, store.Entry{Ref: ref, Size: int64(size)})
		}
	}
	if err := d.Apply(id, u); err != nil {
		t.Fatal(err)
	}
	for _, reopened := range []bool{false, true} {
		if reopened {
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			d = open(t, dir, store.Options{})
		}
		if got, err := d.Info(id); err != nil || !slices.Equal(got.Slivers, want) {
			t.Fatalf("got %v, %v, want slivers %v", got, err, want)
		}
		for _, s := range u.Slivers {
			got, err := d.Read([]byte("before"), id, s.Ref, 0, -1)
			if err != nil || !bytes.Equal(got, append([]byte("before"), s.Data...)) {
				t.Fatalf("%v: %d bytes, %v", s.Ref, len(got), err)
			}
			for _, r := range [][2]int{{0, 0}, {0, 1}, {1, 5}, {len(s.Data) / 2, len(s.Data) / 4}, {len(s.Data) - 1, 1}, {len(s.Data), 0}, {65535, 2}, {65536, 100}} {
				off, n := r[0], r[1]
				got, err := d.Read(nil, id, s.Ref, int64(off), int64(n))
				if off < 0 || off+n > len(s.Data) {
					if !errors.Is(err, store.ErrRange) {
						t.Fatalf("%v [%d:+%d]: %v", s.Ref, off, n, err)
					}
				} else if err != nil || !bytes.Equal(got, s.Data[off:off+n]) {
					t.Fatalf("%v [%d:+%d]: %v", s.Ref, off, n, err)
				}
			}
		}
		if got, err := d.Record(id, store.Certificate); err != nil || string(got) != "c" {
			t.Fatal(got, err)
		}
		if _, err := d.Record(id, store.Proof); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		if _, err := d.Read(nil, id, store.Ref{Pair: 7}, 0, 1); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestBlobsInOrder(t *testing.T) {
	d := open(t, t.TempDir(), store.Options{FS: vfs.NewMem()})
	defer d.Close()
	var want []commit.BlobID
	for i := range 50 {
		if err := d.Apply(blob(i), store.Update{Records: map[store.Record][]byte{store.Metadata: {1}}}); err != nil {
			t.Fatal(err)
		}
		want = append(want, blob(i))
	}
	slices.SortFunc(want, func(a, b commit.BlobID) int { return bytes.Compare(a[:], b[:]) })
	var got []commit.BlobID
	var last *commit.BlobID
	for {
		ids, err := d.Blobs(last, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) == 0 {
			break
		}
		got = append(got, ids...)
		last = &ids[len(ids)-1]
	}
	if !slices.Equal(got, want) {
		t.Fatalf("listed %d blobs of %d, or in another order", len(got), len(want))
	}
}

// files lists the store's files of slivers.
func files(t *testing.T, fs vfs.FS, dir string) (names []string) {
	t.Helper()
	for i := range 256 {
		sub := fs.PathJoin(dir, "slivers", fmt.Sprintf("%02x", i))
		list, err := fs.List(sub)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range list {
			names = append(names, fs.PathJoin(sub, name))
		}
	}
	return names
}

func TestReplacedFilesGo(t *testing.T) {
	fs := vfs.NewMem()
	d := open(t, "store", store.Options{FS: fs})
	defer d.Close()
	id := blob(1)
	a, b := store.Ref{Pair: 1}, store.Ref{Axis: rs2d.Secondary, Pair: 1}
	put := func(version int, refs ...store.Ref) {
		t.Helper()
		var u store.Update
		for _, ref := range refs {
			u.Slivers = append(u.Slivers, store.Sliver{Ref: ref, Data: content(id, ref, version, 100_000)})
		}
		if err := d.Apply(id, u); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(step string, count int) {
		t.Helper()
		if got := files(t, fs, "store"); len(got) != count {
			t.Fatalf("%s: %d files, not %d: %v", step, len(got), count, got)
		}
	}
	put(0, a, b)
	expect("one update", 1)
	put(1, a)
	expect("half replaced", 2)
	put(2, b)
	expect("both replaced", 2)
	if got, err := d.Read(nil, id, a, 0, -1); err != nil || !bytes.Equal(got, content(id, a, 1, 100_000)) {
		t.Fatal(err)
	}
	if err := d.Apply(id, store.Update{Drop: []store.Ref{a, b, {Pair: 9}}}); err != nil {
		t.Fatal(err)
	}
	expect("dropped", 0)
	if _, err := d.Read(nil, id, a, 0, -1); !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
}

func TestCorruptionIsFound(t *testing.T) {
	for _, inline := range []int{-1, 1 << 20} {
		fs := vfs.NewMem()
		d := open(t, "store", store.Options{FS: fs, InlineMax: inline})
		id, ref := blob(1), store.Ref{Pair: 3}
		data := content(id, ref, 0, 200_000)
		if err := d.Apply(id, store.Update{Slivers: []store.Sliver{{Ref: ref, Data: data}}}); err != nil {
			t.Fatal(err)
		}
		if inline > 0 {
			d.Close()
			continue // the database checks its own blocks
		}
		name := files(t, fs, "store")[0]
		f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte{data[70_000] ^ 4}, 70_000); err != nil {
			t.Fatal(err)
		}
		f.Close()
		var corrupt *store.CorruptError
		if _, err := d.Read(nil, id, ref, 0, -1); !errors.As(err, &corrupt) || corrupt.Ref != ref || corrupt.Blob != id {
			t.Fatalf("whole: %v", err)
		}
		if _, err := d.Read(nil, id, ref, 66_000, 10); !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("block with the flipped bit: %v", err)
		}
		if got, err := d.Read(nil, id, ref, 10, 10); err != nil || !bytes.Equal(got, data[10:20]) {
			t.Fatalf("another block: %v", err)
		}
		if err := fs.Remove(name); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Read(nil, id, ref, 0, -1); !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("file gone: %v", err)
		}
		d.Close()
	}
}

func TestSweep(t *testing.T) {
	fs := vfs.NewMem()
	d := open(t, "store", store.Options{FS: fs})
	defer d.Close()
	id, ref := blob(1), store.Ref{Pair: 3}
	if err := d.Apply(id, store.Update{Slivers: []store.Sliver{{Ref: ref, Data: content(id, ref, 0, 100_000)}}}); err != nil {
		t.Fatal(err)
	}
	orphan := fs.PathJoin("store", "slivers", fmt.Sprintf("%02x", id[0]), fmt.Sprintf("%v-%016x.slivers", id, 77))
	f, err := fs.Create(orphan, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if removed, err := d.Sweep(context.Background()); err != nil || removed != 1 {
		t.Fatal(removed, err)
	}
	if removed, err := d.Sweep(context.Background()); err != nil || removed != 0 {
		t.Fatal(removed, err)
	}
	if _, err := d.Read(nil, id, ref, 0, -1); err != nil {
		t.Fatal(err)
	}
}

func read(d *store.Disk, id commit.BlobID, ref store.Ref) error {
	_, err := d.Read(nil, id, ref, 0, -1)
	return err
}
