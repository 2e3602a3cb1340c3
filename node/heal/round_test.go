package heal

import (
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// looked is a store that counts how often it is asked what it has of a blob, all of which
// are inconsistent.
type looked struct {
	store.Store
	looks map[commit.BlobID]int
}

func (l *looked) Info(id commit.BlobID) (store.Info, error) {
	l.looks[id]++
	return store.Info{Records: []store.Record{store.InvalidBlobCertificate}}, nil
}

func (l *looked) Record(_ commit.BlobID, r store.Record) ([]byte, error) {
	if r != store.InvalidBlobCertificate {
		return nil, store.ErrNotFound
	}
	return []byte("certificate"), nil
}

func (l *looked) Room() (int64, bool) { return 0, false }

// TestBlobsFoundTwiceAreRecoveredOnce has blobs found in two ways at the same time, as in
// a list and in the queue.
func TestBlobsFoundTwiceAreRecoveredOnce(t *testing.T) {
	key := identity.GenerateKey()
	member := identity.NewMember("a", "a:1", key, committee.Spread(4, 1)[0])
	c, err := committee.New(committee.System{Network: "test", Shards: 4, Scheme: commit.BLAKE3}, 1, []committee.Member{member})
	if err != nil {
		t.Fatal(err)
	}
	set := peer.NewSet(nil, peer.Options{})
	disk := &looked{looks: make(map[commit.BlobID]int)}
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := metadata.NewKeeper(disk, c.System(), hasher)
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(Config{
		Peers: set, Signer: key.Signer(new(committee.HashCache)), Code: new(rs2d.Code), Keeper: keeper, Fetcher: new(metadata.Fetcher),
		Store: disk, Replace: func(commit.BlobID, store.Ref) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := h.Begin(set.View(&epoch.View{Current: c}, key.Public().NodeID()))
	list := []Lost{{Blob: commit.BlobID{1}, Lacking: 2}, {Blob: commit.BlobID{2}, Lacking: 3}, {Blob: commit.BlobID{1}, Lacking: 2}}
	r.Expect(list)
	if got := h.Lacking(); got != 7 {
		t.Errorf("%d slivers are expected, want 7", got)
	}
	lost := make(chan []Lost, 1)
	lost <- list
	close(lost)
	r.Recover(t.Context(), lost)
	if got := h.Lacking(); got != 0 {
		t.Errorf("%d slivers are lacking at the end, want 0", got)
	}
	r.End()
	for id, looks := range disk.looks {
		if looks != 1 || len(disk.looks) != 2 {
			t.Errorf("blob %v of %d was looked at %d times, want once", id, len(disk.looks), looks)
		}
	}
}
