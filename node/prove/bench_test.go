package prove

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// manyBlobs is a ledger with so many certified blobs, each of which has registrations. It
// makes what it lists as it lists it.
type manyBlobs struct {
	chain.Ledger
	blobs, registrations int
}

// List is of chain.Ledger.
func (l manyBlobs) List(_ context.Context, prefix, after []byte, limit int) (chain.Page, error) {
	page := chain.Page{Height: 1}
	if prefix[0] != ledger.BlobKey(ledger.ObjectID{})[0] {
		return page, nil
	}
	at, all := uint64(0), uint64(l.blobs*l.registrations)
	if len(after) > 0 {
		at = binary.BigEndian.Uint64(after[len(prefix):]) + 1
	}
	epoch := uint32(1)
	for ; at < all && len(page.Pairs) < limit; at++ {
		b := ledger.Blob{Length: 1 << 20, Certified: &epoch, Storage: ledger.Storage{Start: 1, End: 9}}
		binary.BigEndian.PutUint64(b.ID[:], at%uint64(l.blobs)*0x9e3779b97f4a7c15) // in no order
		var object ledger.ObjectID
		binary.BigEndian.PutUint64(object[:], at)
		page.Pairs = append(page.Pairs, chain.Pair{Key: ledger.BlobKey(object), Value: codec.Marshal(b)})
	}
	page.More = at < all
	return page, nil
}

// Events is of chain.Ledger.
func (manyBlobs) Events(_ context.Context, from chain.Cursor, _ int) ([]chain.Event, chain.Cursor, error) {
	return []chain.Event{{Cursor: from, Event: ledger.ChallengeArmed{Epoch: 2, Height: 1}}}, chain.Cursor{Height: from.Height + 1}, nil
}

// draw does what a node has to do before it proves: it lists the blobs, and draws.
func (l manyBlobs) draw(tb testing.TB, draws uint64) (all, drawn *blobList, _ challenge.Round) {
	tb.Helper()
	c := &ledger.Challenge{Challenge: *challenge.Arm([32]byte{}, 2, 1)}
	list, err := listing(tb.Context(), l, c)
	if err != nil {
		tb.Fatal(err)
	}
	round := c.Round
	round.List, round.Draws = list.name, draws
	return list, list.draw(round), round
}

// TestListOfMany: of each blob a node has its id and length once, however often it is registered.
func TestListOfMany(t *testing.T) {
	const blobs, draws = 3000, 744
	list, drawn, _ := manyBlobs{blobs: blobs, registrations: 5}.draw(t, draws)
	if len(list.blobs) != blobs || list.name.Blobs != blobs || len(drawn.blobs) != draws {
		t.Fatalf("%d blobs, and %d are drawn; want %d and %d", len(list.blobs), len(drawn.blobs), blobs, draws)
	}
	if got := cap(list.blobs); got > 4*blobs {
		t.Errorf("there is room for %d blobs, want at most %d", got, 4*blobs)
	}
	for _, b := range drawn.blobs {
		if !list.has(b.id) || !drawn.has(b.id) || b.length != 1<<20 {
			t.Fatalf("%+v was drawn, and is not of the list", b)
		}
	}
}

// BenchmarkList is what a light challenge costs a node before it proves anything: it lists the
// ledger's blobs, and draws those to prove. The rest of it depends on these alone.
func BenchmarkList(b *testing.B) {
	for _, blobs := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(blobs), func(b *testing.B) {
			if testing.Short() && blobs > 1_000 {
				b.Skip("takes seconds")
			}
			held := func() uint64 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			before := held()
			var list, drawn *blobList
			for b.Loop() {
				list, drawn, _ = manyBlobs{blobs: blobs, registrations: 1}.draw(b, 744)
			}
			after := held()
			b.ReportMetric(float64(after-min(before, after))/float64(blobs), "held-B/blob")
			b.ReportMetric(float64(cap(list.blobs))*40/1e6, "list-MB")
			runtime.KeepAlive(list)
			runtime.KeepAlive(drawn)
		})
	}
}
