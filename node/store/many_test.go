package store_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/store"
)

// TestApplyAll: updates of many blobs are made all or not at all.
func TestApplyAll(t *testing.T) {
	fs := vfs.NewMem()
	d, err := store.Open("store", store.Options{FS: fs, Owner: faultOwner})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	all := func(version int) (list []store.BlobUpdate) {
		for i := range 4 {
			u := update(i, version)
			u.Writer = "w"
			list = append(list, store.BlobUpdate{Blob: blob(i), Update: u})
		}
		return list
	}
	has := func(what string, version int) {
		t.Helper()
		if removed, err := d.Sweep(t.Context()); err != nil || removed > 0 {
			t.Errorf("%s: %d files were left behind (%v), want none", what, removed, err)
		}
		for i := range 4 {
			info, err := d.Info(blob(i))
			if err != nil || len(info.Slivers) > 0 != (version > 0) {
				t.Fatalf("%s: blob %d: %+v (%v), want version %d", what, i, info, err, version)
			}
			if version == 0 {
				continue
			}
			for _, s := range update(i, version).Slivers {
				if got, err := d.Read(nil, blob(i), s.Ref, 0, -1); err != nil || !bytes.Equal(got, s.Data) {
					t.Fatalf("%s: blob %d, %v: %v, want that of version %d", what, i, s.Ref, err, version)
				}
			}
		}
	}
	refused := all(1)
	refused[3].If = func(i store.Info) bool { return i.Has(store.Registered) }
	if err := d.ApplyAll(refused); !errors.Is(err, store.ErrRefused) {
		t.Fatalf("a condition that is not met: %v, want ErrRefused", err)
	}
	has("refused", 0)
	twice := append(all(1), all(1)[2])
	if err := d.ApplyAll(twice); err == nil || !strings.Contains(err.Error(), "two updates") {
		t.Fatalf("two updates of a blob: %v", err)
	}
	has("twice", 0)
	wrong := all(1)
	wrong[2].Slivers = append(wrong[2].Slivers, wrong[2].Slivers[0])
	if err := d.ApplyAll(wrong); err == nil {
		t.Fatal("a sliver twice is taken")
	}
	has("wrong", 0)
	for version := 1; version <= 2; version++ {
		if err := d.ApplyAll(all(version)); err != nil {
			t.Fatal(err)
		}
		has("applied", version)
	}
	if err := d.ApplyAll(nil); err != nil {
		t.Errorf("no updates: %v", err)
	}
	usage, err := d.Usage("w")
	want := int64(0)
	for i := range 4 {
		u := update(i, 2)
		for _, s := range u.Slivers {
			want += int64(len(s.Data))
		}
		want += int64(len(u.Records[store.Metadata]))
	}
	if err != nil || usage.Pending != want || usage.Certified != 0 {
		t.Errorf("usage %+v (%v), want %d pending", usage, err, want)
	}
	// Blobs whose locks are one and the same.
	same := []store.BlobUpdate{{Blob: commit.BlobID{1}}, {Blob: commit.BlobID{2}}}
	for i := range same {
		same[i].Records = map[store.Record][]byte{store.Metadata: {1}}
	}
	if err := d.ApplyAll(same); err != nil {
		t.Error(err)
	}
}
