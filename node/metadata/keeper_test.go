package metadata_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/coded"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/store"
)

// shelf is a store in memory with a keeper.
type shelf struct {
	*store.Disk
	*metadata.Keeper
	meta *commit.Metadata
	raw  []byte
	id   commit.BlobID
}

// failer is a test's or a property's.
type failer interface {
	Helper()
	Fatal(args ...any)
}

func newShelf(t failer, form committee.Form, shards int) *shelf {
	t.Helper()
	h, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{meta: random(shards, 5)}
	if s.id, err = s.meta.ID(h); err != nil {
		t.Fatal(err)
	}
	if s.raw, err = s.meta.MarshalBinary(); err != nil {
		t.Fatal(err)
	}
	owner := store.Owner{Node: "a", System: "test", Shards: shards}
	if s.Disk, err = store.Open("store", store.Options{FS: vfs.NewMem(), Owner: owner}); err != nil {
		t.Fatal(err)
	}
	system := committee.System{Network: "test", Shards: shards, Scheme: commit.BLAKE3, Metadata: form}
	if s.Keeper, err = metadata.NewKeeper(s.Disk, system, h); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shelf) keep(t failer, pairs, slivers []int) {
	t.Helper()
	var u store.Update
	if err := s.Keep(&u, s.meta, s.raw, pairs); err != nil {
		t.Fatal(err)
	}
	s.put(t, u, slivers)
}

func (s *shelf) put(t failer, u store.Update, slivers []int) {
	t.Helper()
	for _, pair := range slivers {
		u.Slivers = append(u.Slivers, store.Sliver{Ref: store.Ref{Pair: pair}, Data: []byte{1, 2}})
	}
	if err := s.Apply(s.id, u); err != nil {
		t.Fatal(err)
	}
}

// has returns the pairs of which the node has the roots.
func (s *shelf) has(t failer) (pairs []int) {
	t.Helper()
	kept, err := s.Get(s.id)
	if err != nil {
		t.Fatal(err)
	}
	own := kept.Metadata()
	if own.Length != s.meta.Length || kept.Length != s.meta.Length {
		t.Fatal("another length is kept")
	}
	for pair := range s.meta.Shards() {
		primary, secondary := own.Pair(pair)
		wantPrimary, wantSecondary := s.meta.Pair(pair)
		switch {
		case primary == wantPrimary && secondary == wantSecondary:
			pairs = append(pairs, pair)
		case primary != commit.Hash{} || secondary != commit.Hash{}:
			t.Fatal("a root is wrong")
		}
	}
	return pairs
}

// TestRootsOfAllSliversAreKept: whatever changes come in whatever order, by whatever view of
// the epochs, the node has the roots of all slivers that it has.
func TestRootsOfAllSliversAreKept(t *testing.T) {
	const shards = 40
	rapid.Check(t, func(t *rapid.T) {
		s := newShelf(t, committee.Coded, shards)
		defer func() {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}()
		some := func(label string) []int {
			pairs := rapid.SliceOfNDistinct(rapid.IntRange(0, shards-1), 1, 4, rapid.ID[int]).Draw(t, label)
			slices.Sort(pairs)
			return pairs
		}
		s.keep(t, some("first"), nil)
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			switch rapid.IntRange(0, 3).Draw(t, "change") {
			case 0: // somebody has all of the metadata, and slivers
				pairs := some("pairs")
				s.keep(t, pairs, pairs[:rapid.IntRange(0, len(pairs)).Draw(t, "slivers")])
			case 1: // a sliver comes of which the root is known
				raw, err := s.Record(s.id, store.Metadata)
				if err != nil {
					t.Fatal(err)
				}
				sliver := rapid.SampledFrom(s.has(t)).Draw(t, "sliver")
				if rapid.Bool().Draw(t, "between") {
					s.keep(t, some("pairs"), nil)
				}
				var u store.Update
				s.Retain(&u, raw)
				s.put(t, u, []int{sliver})
			case 2:
				info, err := s.Info(s.id)
				if err != nil {
					t.Fatal(err)
				}
				if len(info.Slivers) > 0 {
					if err := s.Quarantine(s.id, rapid.SampledFrom(info.Slivers).Draw(t, "quarantined").Ref); err != nil {
						t.Fatal(err)
					}
				}
			case 3:
				if _, err := s.Delete(s.id, nil); err != nil {
					t.Fatal(err)
				}
				s.keep(t, some("again"), nil)
			}
			info, err := s.Info(s.id)
			if err != nil {
				t.Fatal(err)
			}
			has := s.has(t)
			for _, e := range append(info.Slivers, info.Quarantined...) {
				if !slices.Contains(has, e.Pair) {
					t.Fatalf("the node has a sliver of pair %d, and roots of %v", e.Pair, has)
				}
			}
		}
	})
}

// TestWhatIsShorterIsKept: of few pairs a record is kept, of many the list.
func TestWhatIsShorterIsKept(t *testing.T) {
	for _, test := range []struct {
		form   committee.Form
		shards int
		pairs  int
		whole  bool
	}{
		{committee.Full, 100, 1, true}, {committee.Coded, 100, 1, false}, {committee.Coded, 100, 10, false},
		{committee.Coded, 100, 100, true}, {committee.Coded, 7, 1, true}, {committee.Coded, 10, 1, false},
	} {
		s := newShelf(t, test.form, test.shards)
		pairs := make([]int, test.pairs)
		for i := range pairs {
			pairs[i] = i
		}
		s.keep(t, pairs, nil)
		raw, err := s.Record(s.id, store.Metadata)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := s.Get(s.id)
		if err != nil {
			t.Fatal(err)
		}
		if whole := !coded.IsRecord(raw); whole != test.whole || (kept.Whole != nil) != test.whole || whole && !bytes.Equal(raw, s.raw) || len(raw) > len(s.raw) {
			t.Errorf("%v, %d pairs of %d: the list is kept: %v, want %v (%d bytes)", test.form, test.pairs, test.shards, whole, test.whole, len(raw))
		}
		if test.whole && !reflect.DeepEqual(kept.Whole, s.meta) {
			t.Errorf("%v, %d pairs of %d: other metadata is kept", test.form, test.pairs, test.shards)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestAnswers has what those who gather parts are given.
func TestAnswers(t *testing.T) {
	const shards = 40
	s := newShelf(t, committee.Coded, shards)
	defer s.Close()
	h, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	code, err := coded.New(shards, h)
	if err != nil {
		t.Fatal(err)
	}
	list, err := code.Encode(s.meta)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Answer(s.id, []int{1}, false); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of a blob that is not there: %v, want %v", err, store.ErrNotFound)
	}
	s.keep(t, []int{3, 4, 30}, nil)
	for _, test := range []struct {
		ask    []int
		proven bool
		want   []int
	}{{[]int{30, 3, 5}, false, []int{3, 30}}, {[]int{4}, true, []int{3, 4, 30}}, {[]int{5}, false, nil}} {
		got, err := s.Answer(s.id, test.ask, test.proven)
		if len(test.want) == 0 {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("asked for %v: %v, want %v", test.ask, err, store.ErrNotFound)
			}
			continue
		}
		if want := list.Parts(test.want, test.proven).Append(nil); err != nil || !bytes.Equal(got, want) {
			t.Errorf("asked for %v, proven %v: error %v, or not parts %v", test.ask, test.proven, err, test.want)
		}
	}
	other := s.id
	other[0] ^= 1
	raw, err := s.Record(s.id, store.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(other, store.Update{Records: map[store.Record][]byte{store.Metadata: raw}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(other); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a record of another blob: %v, want %v", err, store.ErrCorrupt)
	}
}
