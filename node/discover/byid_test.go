package discover_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/discover"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// having is a store that has something of some blobs.
type having struct {
	empty
	infos map[commit.BlobID]store.Info
}

func (h having) Info(id commit.BlobID) (store.Info, error) { return h.infos[id], nil }

// has returns what a store has of a blob of which the first member has all slivers.
func has(v *peer.View, id commit.BlobID, came time.Time, records ...store.Record) store.Info {
	info := store.Info{Inserted: came, Records: records}
	for _, pair := range v.Pairs(id, v.Member) {
		for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
			info.Slivers = append(info.Slivers, store.Entry{Ref: store.Ref{Axis: axis, Pair: pair}})
		}
	}
	return info
}

// TestAsksForCertificatesItNeeds: of nearly all blobs that the members list, a node is told
// the id alone.
func TestAsksForCertificatesItNeeds(t *testing.T) {
	v, listers := members(t)
	var ids []commit.BlobID
	for n := range uint64(100) {
		ids = append(ids, id(n+1))
	}
	all := certified(t, v, listers, ids[0], ids[50], ids[51], ids[99])
	for i, at := range []int{0, 50, 51, 99} {
		all[i].Blob = ids[at]
	}
	entries := make([]api.BlobEntry, len(ids))
	for i := range ids { // those that the node has need no certificate that holds
		entries[i] = api.BlobEntry{Blob: ids[i], Certificate: []byte("unseen")}
	}
	for i, at := range []int{0, 50, 51, 99} {
		entries[at] = all[i]
	}
	for _, l := range listers[1:] {
		l.lists[api.ListCertified] = entries
	}
	now := time.Now()
	h := having{infos: make(map[commit.BlobID]store.Info)}
	for _, id := range ids {
		h.infos[id] = has(v, id, now, store.Metadata, store.Certificate)
	}
	h.infos[ids[0]] = store.Info{}                                            // nothing
	h.infos[ids[50]] = has(v, ids[50], now.Add(-time.Hour), store.Metadata)   // all but the certificate, which has not come
	h.infos[ids[51]] = has(v, ids[51], now, store.Metadata)                   // whose certificate comes
	h.infos[ids[98]] = store.Info{Records: []store.Record{store.Certificate}} // nothing else
	h.infos[ids[99]] = has(v, ids[99], now.Add(time.Hour), store.Metadata)    // the clock was set back
	f, err := discover.New(discover.Config{Store: h, WriteTime: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	found, seen := round(t, f, v)
	if got, want := slices.SortedFunc(maps.Keys(found), compare), []commit.BlobID{ids[0], ids[50], ids[98], ids[99]}; !slices.Equal(got, want) || seen.Lies != 0 {
		t.Errorf("found %v, %+v, want %v", got, seen, want)
	}
	for _, i := range []int{0, 50, 99} {
		if len(found[ids[i]].Certificate) == 0 {
			t.Errorf("blob %d was found without its certificate", i)
		}
	}
	shown := 0
	for _, l := range listers[1:] {
		shown += l.shown
	}
	if shown < 3 || shown > 9 {
		t.Errorf("%d certificates were shown, of 3 blobs by 3 members", shown)
	}
}

// TestListGrowsMeanwhile: blobs that are certified between the two times that a part of a
// list is asked for do not hide those behind them.
func TestListGrowsMeanwhile(t *testing.T) {
	v, listers := members(t)
	before, after := certified(t, v, listers, id(10), id(20)), certified(t, v, listers, id(10), id(11), id(12), id(13), id(20))
	l := listers[1]
	l.meant = func(ids bool) {
		if l.lists[api.ListCertified] = after; ids {
			l.lists[api.ListCertified] = before
		}
	}
	found, seen := round(t, newFinder(t), v)
	if _, ok := found[id(20)]; !ok || seen.Lies != 0 {
		t.Errorf("found %d blobs, %+v, and not that which had moved", len(found), seen)
	}
}

// TestUnprovenList has a member list blobs without end that it does not show the
// certificates of.
func TestUnprovenList(t *testing.T) {
	v, listers := members(t)
	right := certified(t, v, listers, id(1), id(5))
	liar := listers[1]
	liar.endless = true
	liar.meant = func(ids bool) {
		if liar.endless = ids; !ids {
			liar.lists[api.ListCertified] = right[:1]
		}
	}
	listers[2].lists[api.ListCertified] = right
	listers[3].lists[api.ListCertified] = right
	found, _ := round(t, newFinder(t), v)
	if len(found) != 2 {
		t.Errorf("%d blobs found, want 2", len(found))
	}
	if n := liar.pages[api.ListCertified]; n > 2 {
		t.Errorf("asked for %d pages of what is not proven", n)
	}
}
