package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/redstuff-go/redstuff/node/store"
)

// flip changes one byte of the only file of slivers.
func flip(t *testing.T, fs vfs.FS, at int64) {
	t.Helper()
	f, err := fs.OpenReadWrite(files(t, fs, "store")[0], vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestErrorsThatSayNothing has reads fail for reasons that are not the sliver's: it must
// not count as corrupt, and must be served again when the reason is gone.
func TestErrorsThatSayNothing(t *testing.T) {
	errnos := []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EACCES, syscall.EPERM, syscall.EIO, syscall.EINTR, syscall.ESTALE}
	for _, kind := range []errorfs.OpKind{errorfs.OpOpen, errorfs.OpFileReadAt} {
		for _, errno := range errnos {
			t.Run(fmt.Sprintf("%d/%v", kind, errno), func(t *testing.T) {
				var broken atomic.Bool
				fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
					if broken.Load() && op.Kind == kind && strings.HasSuffix(op.Path, ".slivers") {
						return errno
					}
					return nil
				}))
				d := open(t, "store", store.Options{FS: fs})
				defer d.Close()
				id, ref := blob(1), store.Ref{Pair: 3}
				data := content(id, ref, 0, 100_000)
				if err := d.Apply(id, store.Update{Slivers: []store.Sliver{{Ref: ref, Data: data}}}); err != nil {
					t.Fatal(err)
				}
				broken.Store(true)
				for range 10 {
					for name, err := range map[string]error{"Read": read(d, id, ref), "Check": d.Check(id, ref)} {
						if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrNotFound) {
							t.Fatalf("%s: got %v, want ErrUnavailable", name, err)
						}
					}
				}
				broken.Store(false)
				if got, err := d.Read(nil, id, ref, 0, -1); err != nil || !bytes.Equal(got, data) {
					t.Fatalf("after it: %v", err)
				}
			})
		}
	}
}

func TestQuarantine(t *testing.T) {
	fs := vfs.NewMem()
	d := open(t, "store", store.Options{FS: fs})
	defer func() { d.Close() }()
	id, ref, other := blob(1), store.Ref{Pair: 3}, store.Ref{Pair: 4}
	put := func(refs ...store.Ref) {
		t.Helper()
		var u store.Update
		for _, ref := range refs {
			u.Slivers = append(u.Slivers, store.Sliver{Ref: ref, Data: content(id, ref, 0, 100_000)})
		}
		if err := d.Apply(id, u); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(step string, served, quarantined, count int, want error) {
		t.Helper()
		info, err := d.Info(id)
		if err != nil || len(info.Slivers) != served || len(info.Quarantined) != quarantined {
			t.Fatalf("%s: got %+v, %v, want %d served and %d quarantined", step, info, err, served, quarantined)
		}
		if err := read(d, id, ref); !errors.Is(err, want) {
			t.Fatalf("%s: read gives %v, want %v", step, err, want)
		}
		if _, err := d.Size(id, ref); want != nil && !errors.Is(err, want) {
			t.Fatalf("%s: size gives %v, want %v", step, err, want)
		}
		if got := files(t, fs, "store"); len(got) != count {
			t.Fatalf("%s: %d files, want %d", step, len(got), count)
		}
	}
	put(ref, other)
	expect("new", 2, 0, 1, nil)
	flip(t, fs, 10)
	if err := d.Check(id, ref); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("corrupt sliver: %v", err)
	}
	expect("corrupt", 1, 1, 1, store.ErrNotFound)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, "store", store.Options{FS: fs})
	expect("opened again", 1, 1, 1, store.ErrNotFound)
	flip(t, fs, 10)
	if err := d.Check(id, ref); err != nil {
		t.Fatalf("right again: %v", err)
	}
	expect("right again", 2, 0, 1, nil)
	// What is known to be wrong is not served again because it can be read.
	if err := d.Quarantine(id, ref); err != nil {
		t.Fatal(err)
	}
	if err := d.Check(id, ref); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("wrong sliver: %v", err)
	}
	expect("wrong", 1, 1, 1, store.ErrNotFound)
	put(ref)
	expect("replaced", 2, 0, 2, nil)
	if err := d.Quarantine(id, store.Ref{Pair: 9}); err != nil {
		t.Fatal(err)
	}
	expect("none", 2, 0, 2, nil)
	if err := d.Quarantine(id, ref); err != nil {
		t.Fatal(err)
	}
	if err := d.Apply(id, store.Update{Drop: []store.Ref{ref}}); err != nil {
		t.Fatal(err)
	}
	expect("dropped", 1, 0, 1, store.ErrNotFound)
}

func TestDelete(t *testing.T) {
	fs := vfs.NewMem()
	d := open(t, "store", store.Options{FS: fs})
	defer d.Close()
	for i := range 3 {
		if err := d.Apply(blob(i), update(i, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Quarantine(blob(1), store.Ref{Pair: 2}); err != nil {
		t.Fatal(err)
	}
	if gone, err := d.Delete(blob(1), func(i store.Info) bool { return !i.Has(store.Metadata) }); gone || err != nil {
		t.Fatalf("deleted against the condition: %v, %v", gone, err)
	}
	if gone, err := d.Delete(blob(1), func(i store.Info) bool { return len(i.Quarantined) == 1 }); !gone || err != nil {
		t.Fatalf("got %v, %v, want it deleted", gone, err)
	}
	if gone, err := d.Delete(blob(1), nil); gone || err != nil {
		t.Fatalf("deleted twice: %v, %v", gone, err)
	}
	if info, err := d.Info(blob(1)); err != nil || len(info.Records)+len(info.Slivers)+len(info.Quarantined) != 0 {
		t.Fatalf("left: %+v, %v", info, err)
	}
	if got := files(t, fs, "store"); len(got) != 2 {
		t.Fatalf("files left: %v", got)
	}
	for _, i := range []int{0, 2} {
		for _, s := range update(i, 1).Slivers {
			if got, err := d.Read(nil, blob(i), s.Ref, 0, -1); err != nil || !bytes.Equal(got, s.Data) {
				t.Fatalf("blob %d, %v: %v", i, s.Ref, err)
			}
		}
	}
}

// TestSecondOpen has somebody else open a store that is in use: nothing in it may change.
func TestSecondOpen(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"memory": vfs.NewMem(), "disk": vfs.Default} {
		t.Run(name, func(t *testing.T) {
			dir := "store"
			if name == "disk" {
				dir = t.TempDir()
			}
			d := open(t, dir, store.Options{FS: fs})
			defer d.Close()
			under := fs.PathJoin(dir, "tmp", "being written")
			f, err := fs.Create(under, vfs.WriteCategoryUnspecified)
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			if _, err := store.Open(dir, store.Options{FS: fs}); !errors.Is(err, store.ErrLocked) {
				t.Fatalf("got %v, want ErrLocked", err)
			}
			if _, err := fs.Stat(under); err != nil {
				t.Fatalf("what is being written is gone: %v", err)
			}
			if err := d.Apply(blob(1), update(1, 1)); err != nil {
				t.Fatal(err)
			}
		})
	}
}
