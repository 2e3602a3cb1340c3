package node_test

import (
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestListStates lists blobs that are certified, pending, inconsistent, and some of
// which there is nothing but metadata, a few at a time.
func TestListStates(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	cl := c.client(nil)
	want := make(map[api.ListState]map[commit.BlobID]bool)
	note := func(state api.ListState, id commit.BlobID) {
		if want[state] == nil {
			want[state] = make(map[commit.BlobID]bool)
		}
		want[state][id] = true
	}
	for seed := range uint64(5) {
		id := put(t, cl, randomBlob(seed, 1000)).ID
		note(api.ListCertified, id)
		note(api.ListAll, id)
	}
	meta, pair := cheat(t, cl, randomBlob(10, 1000))
	bad := storeAll(t, cl, meta, pair)
	if _, err := cl.Read(t.Context(), bad.ID); err == nil {
		t.Fatal("read an inconsistent blob")
	}
	note(api.ListCertified, bad.ID) // it was
	note(api.ListInvalid, bad.ID)
	note(api.ListAll, bad.ID)
	p := cl.Peers()[0]
	for seed := uint64(20); seed < 26; seed++ {
		e, err := cl.Code().Encode(randomBlob(seed, 1000))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.PutMetadata(t.Context(), e.ID(), e.Metadata()); err != nil {
			t.Fatal(err)
		}
		note(api.ListAll, e.ID())
	}
	for seed := uint64(30); seed < 34; seed++ {
		e, err := cl.Code().Encode(randomBlob(seed, 1000))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := e.Metadata().MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var slivers []rs2d.Sliver
		for _, pair := range c.committee.Pairs(e.ID(), 0) {
			primary, secondary := e.Pair(pair)
			slivers = append(slivers, primary, secondary)
		}
		if _, err := p.PutBlob(t.Context(), committee.Attestation{Kind: committee.Stored, Blob: e.ID()}, raw, slivers); err != nil {
			t.Fatal(err)
		}
		note(api.ListPending, e.ID())
		note(api.ListAll, e.ID())
	}
	for _, state := range []api.ListState{api.ListAll, api.ListCertified, api.ListInvalid, api.ListPending} {
		got := make(map[commit.BlobID]bool)
		var after *commit.BlobID
		for more := true; more; {
			l, err := p.List(t.Context(), state, after, 2)
			if err != nil {
				t.Fatalf("%q: %v", state, err)
			}
			for _, e := range l.Blobs {
				got[e.Blob] = true
			}
			after, more = l.Next, l.More
		}
		if state != api.ListPending {
			after = nil
			count := 0
			for ids := make([]commit.BlobID, 2); len(ids) == 2; count += len(ids) {
				var err error
				if ids, err = p.ListIDs(t.Context(), state, after, 2); err != nil {
					t.Fatalf("ids of %q: %v", state, err)
				}
				for i := range ids {
					if after = &ids[i]; !got[ids[i]] {
						t.Errorf("ids of %q have %v, and the list has not", state, ids[i])
					}
				}
			}
			if count != len(got) {
				t.Errorf("%d ids of %q, and %d blobs in the list", count, state, len(got))
			}
		}
		if len(got) != len(want[state]) {
			t.Errorf("%q: %d blobs instead of %d", state, len(got), len(want[state]))
		}
		for id := range want[state] {
			if !got[id] {
				t.Errorf("%q: no %v", state, id)
			}
		}
	}
}
