package peer

import (
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/epoch"
)

// View is a committee and its members, as one of them or a client sees them at one
// moment.
type View struct {
	*committee.Committee
	Set    *Set
	Epochs *epoch.View // whose current committee it is
	Member int         // who looks, or -1 if that is no member
	Peers  []*Peer     // by member; nil for who looks

	// All is Peers, and after them the members of committees before that may have slivers
	// which the current one does not have yet. A node's place in it is where it stands.
	All []*Peer

	self    committee.NodeID
	all     []*Peer                // All, and after them members of committees that need have nothing any more
	holders []*committee.Committee // the current one last
	first   int                    // of the holders that others need
	places  [][]int                // by holder and member: the place
	ids     []committee.NodeID     // by place
}

// View returns the current committee as the node of that id sees it, or as a client does,
// with the zero id. What is remembered of a node from other epochs
// holds for it here.
func (s *Set) View(epochs *epoch.View, self committee.NodeID) *View {
	v := &View{Committee: epochs.Current, Set: s, Epochs: epochs, Member: -1, self: self, Peers: s.Of(epochs.Current)}
	if i, ok := v.FindID(self); ok {
		v.Member = i
		v.Peers[i] = nil
	}
	v.all = slices.Clip(v.Peers)
	known := make(map[committee.NodeID]int)
	for i := range v.Len() {
		id := v.Committee.Member(i).ID
		v.ids = append(v.ids, id)
		known[id] = i
	}
	v.holders = slices.Clone(epochs.Earlier)
	if epochs.Previous != nil {
		v.holders = append(v.holders, epochs.Previous)
	}
	v.holders = append(v.holders, epochs.Current)
	v.first = len(v.holders) - len(epochs.Holders())
	v.places = make([][]int, len(v.holders))
	// Those that others need come first, so that All is a part.
	for h := len(v.holders) - 1; h >= 0; h-- {
		if h == v.first-1 {
			v.All = slices.Clip(v.all)
		}
		c := v.holders[h]
		v.places[h] = make([]int, c.Len())
		for i := range v.places[h] {
			id := c.Member(i).ID
			place, ok := known[id]
			if !ok {
				place = len(v.all)
				known[id] = place
				v.ids = append(v.ids, id)
				var former *Peer
				if id != self {
					former = s.one(c, i)
				}
				v.all = append(v.all, former)
			}
			v.places[h][i] = place
		}
	}
	if v.first == 0 {
		v.All = v.all
	}
	for _, p := range v.all {
		if p != nil {
			p.committees = epochs
		}
	}
	return v
}

// Holder returns the place of the node to ask for the pair of a blob, after so many others
// that may have it: -1 if there are no more. As a rule there is one, the pair's owner. While
// a committee has not got its shards, those who had them before come first. Who looks is
// left out.
func (v *View) Holder(id commit.BlobID, pair, after int) int {
	return v.holder(v.first, id, pair, after)
}

// Source is Holder for a node that copies what it lacks of its own: it also gives those who
// had the pair before and that nobody else needs to ask any more. Ask them by [View.At].
func (v *View) Source(id commit.BlobID, pair, after int) int { return v.holder(0, id, pair, after) }

// At returns the node at a place.
func (v *View) At(place int) *Peer { return v.all[place] }

func (v *View) holder(first int, id commit.BlobID, pair, after int) int {
	shard := id.ShardOfPair(pair, v.Params().N)
	for h := first; h < len(v.holders); h++ {
		place := v.placeOf(h, shard)
		again := v.all[place] == nil
		for before := first; before < h && !again; before++ {
			again = v.placeOf(before, shard) == place
		}
		if again {
			continue
		}
		if after == 0 {
			return place
		}
		after--
	}
	return -1
}

// placeOf returns the place of the owner of a shard in one of the committees.
func (v *View) placeOf(holder, shard int) int {
	return v.places[holder][v.holders[holder].Owner(shard)]
}

// Had returns pairs of a blob that who looks may have, of shards that moved to others.
func (v *View) Had(id commit.BlobID) (pairs []int) {
	for h, c := range v.holders[:len(v.holders)-1] {
		for i, place := range v.places[h] {
			if v.all[place] != nil {
				continue
			}
			for _, pair := range c.Pairs(id, i) {
				if v.OwnerOfPair(id, pair) != v.Member {
					pairs = append(pairs, pair)
				}
			}
		}
	}
	return pairs
}

// Mine returns all pairs of a blob that who looks may have, in their order.
func (v *View) Mine(id commit.BlobID) []int {
	pairs := v.Had(id)
	if v.Member >= 0 {
		pairs = append(pairs, v.Pairs(id, v.Member)...)
	}
	slices.Sort(pairs)
	return slices.Compact(pairs)
}

// Tally counts nodes by the shards that they own in each of the committees that may have
// what is certified.
type Tally struct {
	view *View
	have []int // by holder
}

// NewTally returns a tally that has counted nobody.
func (v *View) NewTally() *Tally { return &Tally{v, make([]int, len(v.holders)-v.first)} }

// Add counts a node of the view.
func (t *Tally) Add(p *Peer) {
	place := slices.Index(t.view.All, p)
	for h := range t.have {
		if i := slices.Index(t.view.places[t.view.first+h], place); i >= 0 {
			t.have[h] += t.view.holders[t.view.first+h].Weight(i)
		}
	}
}

// Quorum reports whether the nodes own a quorum of shards in each committee: of any
// certificate, one at least of those who signed it is honest and among them.
func (t *Tally) Quorum() bool {
	for h, have := range t.have {
		if have < t.view.holders[t.view.first+h].Quorum(committee.Stored) {
			return false
		}
	}
	return true
}

// Least returns the fewest shards that the nodes own in any of the committees.
func (t *Tally) Least() int { return slices.Min(t.have) }

// Keeps reports whether who looks owns the shard in a committee.
func (v *View) Keeps(c *committee.Committee, shard int) bool {
	return c.Member(c.Owner(shard)).ID == v.self
}

// IDOf returns the id of the node at a place.
func (v *View) IDOf(place int) committee.NodeID { return v.ids[place] }
