package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestCondition: an update whose condition is not met changes nothing, and leaves no file.
func TestCondition(t *testing.T) {
	fs := vfs.NewMem()
	d, err := store.Open("store", store.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	id := commit.BlobID{1}
	large := []store.Sliver{{Ref: store.Ref{Axis: rs2d.Primary}, Data: make([]byte, 1<<20)}}
	registered := func(i store.Info) bool { return i.Has(store.Registered) }
	if err := d.Apply(id, store.Update{Slivers: large, If: registered}); !errors.Is(err, store.ErrRefused) {
		t.Fatalf("not registered: %v, want ErrRefused", err)
	}
	if info, err := d.Info(id); err != nil || len(info.Slivers)+len(info.Records) > 0 {
		t.Fatalf("there is %+v (%v), want nothing", info, err)
	}
	if removed, err := d.Sweep(t.Context()); err != nil || removed > 0 {
		t.Errorf("%d files were left behind (%v), want none", removed, err)
	}
	if err := d.Apply(id, store.Update{Records: map[store.Record][]byte{store.Registered: {1}}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Apply(id, store.Update{Slivers: large, If: registered}); err != nil {
		t.Errorf("registered: %v", err)
	}
	if pending, err := d.Pending(time.Now().Add(time.Hour), 10); err != nil || len(pending) > 0 {
		t.Errorf("pending: %v (%v), want none: the ledger says that it is certified", pending, err)
	}
}

// TestAtLeast: an end only grows by AtLeast, and what has no end gets none.
func TestAtLeast(t *testing.T) {
	d, err := store.Open("store", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	mark := map[store.Record][]byte{store.Registered: nil}
	set := func(end uint32) *uint32 { return &end }
	for _, test := range []struct {
		name   string
		before *store.Update
		u      store.Update
		want   uint32
	}{
		{"new", nil, store.Update{Records: mark, AtLeast: 7}, 7},
		{"later", &store.Update{Records: mark, End: set(5)}, store.Update{AtLeast: 7}, 7},
		{"sooner", &store.Update{Records: mark, End: set(9)}, store.Update{AtLeast: 7}, 9},
		{"for ever", &store.Update{Records: mark}, store.Update{AtLeast: 7}, 0},
		{"nothing", nil, store.Update{AtLeast: 7}, 0},
		{"given up", &store.Update{Records: mark, End: set(9)}, store.Update{End: set(1)}, 1},
	} {
		id := commit.BlobID{byte(len(test.name)), test.name[0], test.name[1]}
		if test.before != nil {
			if err := d.Apply(id, *test.before); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Apply(id, test.u); err != nil {
			t.Fatal(err)
		}
		if info, err := d.Info(id); err != nil || info.End != test.want {
			t.Errorf("%s: end %d (%v), want %d", test.name, info.End, err, test.want)
		}
	}
}

func TestNotes(t *testing.T) {
	fs := vfs.NewMem()
	for i := range 3 {
		d, err := store.Open("store", store.Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Note("cursor")
		if i == 0 && !errors.Is(err, store.ErrNotFound) || i > 0 && (err != nil || string(got) != string(rune('a'+i-1))) {
			t.Errorf("note %q (%v) after %d changes", got, err, i)
		}
		if err := errors.Join(d.SetNote("cursor", []byte{byte('a' + i)}), d.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
