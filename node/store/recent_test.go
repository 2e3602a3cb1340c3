package store

import (
	"encoding/binary"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
)

// TestRecent: what was set last comes back, and is bounded.
func TestRecent(t *testing.T) {
	var r recent
	id := func(i int) (id commit.BlobID) {
		binary.BigEndian.PutUint32(id[:], uint32(i))
		return id
	}
	x := blobIndex{slivers: make([]indexedSliver, 99)}
	const many = 5 * maxRecent / 100
	for i := range many {
		x.inserted = int64(i)
		r.set(id(i), x)
		if got, ok, _ := r.get(id(i)); !ok || got.inserted != int64(i) {
			t.Fatalf("%d: %d, %v", i, got.inserted, ok)
		}
		if got, ok, _ := r.get(id(i / 2)); ok && got.inserted != int64(i/2) {
			t.Fatalf("%d: got that of %d", i/2, got.inserted)
		}
	}
	if n := (len(r.young) + len(r.old)) * 100; n > 2*maxRecent+200 {
		t.Errorf("%d are remembered, at most %d", n, 2*maxRecent)
	}
	if _, ok, _ := r.get(id(0)); ok {
		t.Error("the first is remembered still")
	}
	last := many - 1
	x.inserted = -7
	r.set(id(last), x)
	if got, _, _ := r.get(id(last)); got.inserted != -7 {
		t.Errorf("got %d, want what was set last", got.inserted)
	}
	// One of the generation before is gone once it is removed, too.
	for i := many - maxRecent/100; i < many; i++ {
		r.set(id(i), blobIndex{})
		if _, ok, _ := r.get(id(i)); ok {
			t.Fatalf("%d is there though it was removed", i)
		}
	}
}

// TestRecentMissing: that there is nothing of a blob is known until there is something, is
// bounded, and is not noted by who looked before something was set.
func TestRecentMissing(t *testing.T) {
	var r recent
	id, x := commit.BlobID{1}, blobIndex{records: []indexedRecord{{Metadata, 1}}}
	check := func(what string, known, there bool) {
		t.Helper()
		if got, ok, _ := r.get(id); ok != known || got.empty() == there {
			t.Errorf("%s: known %v, there %v; want %v, %v", what, ok, !got.empty(), known, there)
		}
	}
	check("nobody has looked", false, false)
	_, _, late := r.get(id)
	_, _, before := r.get(id)
	r.missing(id, before)
	check("nothing was there", true, false)
	r.set(id, x)
	check("set", true, true)
	r.set(id, blobIndex{})
	check("removed", false, false)
	r.missing(id, late)
	check("who looked before it was set", false, false)
	_, _, before = r.get(id)
	r.set(commit.BlobID{2}, x) // it could have been this one
	r.missing(id, before)
	check("something else was set", false, false)
	for i := range 3 * maxAbsent {
		_, _, before := r.get(id)
		r.missing(commit.BlobID{3, byte(i), byte(i >> 8)}, before)
		if len(r.absent) > maxAbsent {
			t.Fatalf("%d are remembered, at most %d", len(r.absent), maxAbsent)
		}
	}
}
