package placement_test

import (
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/rs2d"
)

// A member of four that has one sliver of a blob is told which others it should have.
func ExampleMissing() {
	var members []committee.Member
	for i, owned := range committee.Spread(8, 4) {
		members = append(members, identity.NewMember(fmt.Sprint("node-", i), fmt.Sprintf("node-%d.example.org:7100", i), identity.GenerateKey(), owned))
	}
	c, err := committee.New(committee.System{Network: "example", Shards: 8, Scheme: commit.BLAKE3}, 1, members)
	if err != nil {
		fmt.Println(err)
		return
	}
	id := commit.BlobID{} // the pair of shard s is s for this one
	stored := []placement.Ref{{Axis: rs2d.Primary, Pair: 3}}
	for _, ref := range placement.Missing(c, 1, id, stored, func(r placement.Ref) placement.Ref { return r }) {
		fmt.Println(ref.Axis, "sliver of pair", ref.Pair)
	}
	// Output:
	// secondary sliver of pair 2
	// secondary sliver of pair 3
	// primary sliver of pair 2
}
