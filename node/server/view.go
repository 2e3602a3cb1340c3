package server

import (
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/epoch"
)

// View is what one request is answered by: the committee that takes new blobs, and the
// node's place in it.
type View struct {
	*committee.Committee
	Member int         // the node itself; negative if it is none of the committee
	Epochs *epoch.View // where certificates' committees are looked up, and who may write

	all []seat // in all committees of the view that the node is a member of
}

// seat is a node's place in a committee.
type seat struct {
	committee *committee.Committee
	member    int
}

// ViewOf returns the view of the node.
func ViewOf(v *epoch.View, id committee.NodeID) View {
	view := View{Committee: v.Writes(), Member: -1, Epochs: v}
	for _, c := range append([]*committee.Committee{v.Current, v.Previous, v.Next}, v.Earlier...) {
		if c == nil {
			continue
		}
		member, ok := c.FindID(id)
		if !ok {
			continue
		}
		if view.all = append(view.all, seat{c, member}); c == view.Committee {
			view.Member = member
		}
	}
	return view
}

// seats returns the node's places in all committees of which it may have slivers.
func (v *View) seats() []seat {
	if len(v.all) == 0 && v.Member >= 0 {
		return []seat{{v.Committee, v.Member}}
	}
	return v.all
}

// mayHold reports whether the node may have the pair of a blob: it owns its shard, or did or
// will in an epoch that the view shows. Nobody is to send it such a pair, but others read it.
func (v *View) mayHold(id commit.BlobID, pair int) bool {
	for _, s := range v.seats() {
		if s.committee.OwnerOfPair(id, pair) == s.member {
			return true
		}
	}
	return false
}

// Mine returns the pairs of a blob that the node may have, its own first.
func (v *View) Mine(id commit.BlobID) (pairs []int) {
	seen := make(map[int]bool)
	for _, s := range v.seats() {
		for _, pair := range s.committee.Pairs(id, s.member) {
			if !seen[pair] {
				seen[pair] = true
				pairs = append(pairs, pair)
			}
		}
	}
	return pairs
}
