package migrate

import (
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestOrdersAreBounded has a node lack more of one large blob than makes a page: it asks for
// all of it, in several rounds, each of no more than a page and a sliver.
func TestOrdersAreBounded(t *testing.T) {
	const shards, nodes, size, most = 40, 4, 1000, 2500
	spread := committee.Spread(shards, nodes)
	var keys []*identity.Key
	for range nodes {
		keys = append(keys, identity.GenerateKey())
	}
	of := func(number uint64, shift int) *committee.Committee {
		var members []committee.Member
		for i, key := range keys {
			name := string(rune('a' + i))
			members = append(members, identity.NewMember(name, name+":1", key, spread[(i+shift)%nodes]))
		}
		c, err := committee.New(committee.System{Network: "test", Shards: shards, Scheme: commit.BLAKE3}, number, members)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	epochs := &epoch.View{Previous: of(1, 0), Current: of(2, 1), State: epoch.Syncing}
	view := peer.NewSet(nil, peer.Options{}).View(epochs, keys[0].Public().NodeID())
	for _, known := range []bool{true, false} {
		b := &blob{id: commit.BlobID{1}, refused: make(map[int]int)}
		if known {
			b.meta, b.sizes = new(commit.Metadata), placement.Sizes{size, size}
		}
		for _, pair := range view.Pairs(b.id, view.Member) {
			for axis := range rs2d.Axis(2) {
				b.missing = append(b.missing, placement.Ref{Axis: axis, Pair: pair})
			}
		}
		all := len(b.missing)
		if all != 2*shards/nodes {
			t.Fatalf("the node lacks %d slivers, want %d", all, 2*shards/nodes)
		}
		p := &page{Migrator: &Migrator{config: Config{PageBytes: most}}, view: view, blobs: []*blob{b}}
		rounds := 0
		for orders := p.orders(); len(orders) > 0; orders = p.orders() {
			rounds++
			asked := 0
			for place, o := range orders {
				if o.bytes > most+size {
					t.Errorf("known %v: node %d is asked for %d bytes at once, want at most %d", known, place, o.bytes, most+size)
				}
				for _, r := range o.requests {
					asked += len(r.Primary) + len(r.Secondary)
				}
			}
			if asked == 0 || asked > len(b.missing) {
				t.Fatalf("known %v: asked for %d of %d slivers", known, asked, len(b.missing))
			}
			b.missing = b.missing[asked:] // they come
		}
		want := 1
		if known {
			want = all * size / (most + size)
		}
		if len(b.missing) > 0 || rounds < want {
			t.Errorf("known %v: %d of %d slivers are asked for in %d rounds, want all in %d at least", known, all-len(b.missing), all, rounds, want)
		}
	}
}
