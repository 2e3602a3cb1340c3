package discover_test

import (
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/discover"
	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
)

// inconsistent returns an entry of an inconsistent blob, certified by some members.
func inconsistent(t *testing.T, v *peer.View, listers []*lister, id commit.BlobID, members ...int) api.BlobEntry {
	t.Helper()
	a := committee.Attestation{Kind: committee.Inconsistent, Blob: id}
	signatures := make(map[int]committee.Signature)
	for _, i := range members {
		signatures[i] = listers[i].signer.Attest(v.Committee, a)
	}
	cert, err := v.Certify(a, signatures)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := cert.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return api.BlobEntry{Blob: id, InvalidBlobCertificate: raw}
}

// TestLedgerTellsNotOfInconsistentBlobs: where a ledger says what is certified, members say
// what is inconsistent. One shows a forged certificate.
func TestLedgerTellsNotOfInconsistentBlobs(t *testing.T) {
	v, listers := members(t)
	disk, err := store.Open("store", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	})
	var registered sync.WaitGroup
	for _, n := range []uint64{1, 2, 3} {
		registered.Go(func() {
			err := disk.Apply(id(n), store.Update{Records: map[store.Record][]byte{store.Registered: {1, 0, 0, 0}}, AtLeast: 9})
			if err != nil {
				t.Error(err)
			}
		})
	}
	registered.Wait()
	forged := inconsistent(t, v, listers, id(1), 0, 1)
	forged.Blob = id(3)
	listers[1].lists[api.ListInvalid] = []api.BlobEntry{forged}
	listers[2].lists[api.ListInvalid] = []api.BlobEntry{
		inconsistent(t, v, listers, id(2), 2, 3), inconsistent(t, v, listers, id(7), 2, 3),
	}
	f, err := discover.New(discover.Config{Store: disk, Ledger: true})
	if err != nil {
		t.Fatal(err)
	}
	found, seen := round(t, f, v)
	if got := slices.SortedFunc(maps.Keys(found), compare); !slices.Equal(got, []commit.BlobID{id(1), id(3)}) {
		t.Errorf("found %v, want those that are consistent", got)
	}
	if seen.Lies != 1 || !slices.Equal(seen.Invalid, []commit.BlobID{id(2)}) {
		t.Errorf("%+v, want 1 lie, and %v inconsistent", seen, id(2))
	}
	if v.Peers[1].ObservedHealth() != peer.Distrusted {
		t.Error("who shows a forged certificate is trusted")
	}
	if !invalid.Marked(disk, id(2)) || invalid.Marked(disk, id(3)) || invalid.Marked(disk, id(7)) {
		t.Error("what is marked is not what members have proven of blobs that the node has something of")
	}
}
