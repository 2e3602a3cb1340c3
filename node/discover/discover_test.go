package discover_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/discover"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
)

// empty is a store that has nothing.
type empty struct{ store.Store }

func (empty) Info(commit.BlobID) (store.Info, error) { return store.Info{}, nil }
func (empty) Record(commit.BlobID, store.Record) ([]byte, error) {
	return nil, store.ErrNotFound
}
func (empty) BlobsWith(store.Record, *commit.BlobID, int) ([]commit.BlobID, error) { return nil, nil }

// lister is a member that lists what it is told to.
type lister struct {
	mu      sync.Mutex
	lists   map[api.ListState][]api.BlobEntry
	pages   map[api.ListState]int // that were asked for
	attest  map[commit.BlobID]int // how often it was asked to
	endless bool                  // its list of certified blobs goes on
	hangs   api.ListState         // which it does not answer, if not all
	shown   int                   // certificates
	meant   func(ids bool)        // called before it lists certified blobs, or their ids; or nil
	signer  *committee.Signer
	c       *committee.Committee
	signs   bool
}

func (l *lister) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, ok := strings.CutSuffix(r.URL.Path, api.ConfirmationPath); ok {
		id, _ := commit.ParseBlobID(strings.TrimPrefix(rest, api.BlobsPath+"/"))
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.attest[id]++; !l.signs {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		s := l.signer.Attest(l.c, committee.Attestation{Kind: committee.Stored, Blob: id})
		_ = json.NewEncoder(w).Encode(api.Confirmation{Signature: s})
		return
	}
	state := api.ListState(r.URL.Query().Get("state"))
	if l.hangs != "" && l.hangs == state {
		<-r.Context().Done()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := r.URL.Query().Get("form") == api.FormIDs
	if l.pages[state]++; l.meant != nil && state == api.ListCertified {
		l.meant(ids)
	}
	var after commit.BlobID
	if id, err := commit.ParseBlobID(r.URL.Query().Get("after")); err == nil {
		after = id
	}
	var list api.BlobList
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	for _, e := range l.lists[state] {
		if bytes.Compare(e.Blob[:], after[:]) > 0 && len(list.Blobs) < limit {
			list.Blobs = append(list.Blobs, e)
		}
	}
	list.More = len(list.Blobs) == limit
	if l.endless && state == api.ListCertified {
		list.Blobs = nil
		at := binary.BigEndian.Uint64(after[:])
		for range limit {
			at++
			var id commit.BlobID
			binary.BigEndian.PutUint64(id[:], at)
			list.Blobs = append(list.Blobs, api.BlobEntry{Blob: id, Certificate: []byte("forged")})
		}
		list.More = true
	}
	if list.More {
		list.Next = &list.Blobs[len(list.Blobs)-1].Blob
	}
	if ids {
		for _, e := range list.Blobs {
			_, _ = w.Write(e.Blob[:])
		}
		return
	}
	if state == api.ListCertified {
		l.shown += len(list.Blobs)
	}
	_ = json.NewEncoder(w).Encode(list)
}

// members returns a view of four members with a shard each, of which the first looks.
func members(t *testing.T) (*peer.View, []*lister) {
	t.Helper()
	var all []committee.Member
	listers := make([]*lister, 4)
	for i, s := range committee.Spread(4, 4) {
		l := &lister{lists: make(map[api.ListState][]api.BlobEntry), pages: make(map[api.ListState]int), attest: make(map[commit.BlobID]int)}
		server := httptest.NewServer(l)
		t.Cleanup(server.Close)
		key := identity.GenerateKey()
		l.signer = key.Signer(new(committee.HashCache))
		listers[i] = l
		all = append(all, identity.NewMember(string(rune('a'+i)), strings.TrimPrefix(server.URL, "http://"), key, s))
	}
	c, err := committee.New(committee.System{Network: "test", Shards: 4, Scheme: commit.BLAKE3}, 1, all)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range listers {
		l.c = c
	}
	set := peer.NewSet(nil, peer.Options{Plaintext: true, Idle: time.Minute, Attempts: 1})
	t.Cleanup(set.Close)
	return set.View(&epoch.View{Current: c}, c.Member(0).ID), listers
}

// certified returns entries of blobs, with certificates.
func certified(t *testing.T, v *peer.View, listers []*lister, ids ...commit.BlobID) (entries []api.BlobEntry) {
	t.Helper()
	for _, id := range ids {
		a := committee.Attestation{Kind: committee.Stored, Blob: id}
		signatures := make(map[int]committee.Signature)
		for i, l := range listers {
			signatures[i] = l.signer.Attest(v.Committee, a)
		}
		cert, err := v.Certify(a, signatures)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := cert.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, api.BlobEntry{Blob: id, Certificate: raw})
	}
	return entries
}

func newFinder(t *testing.T) *discover.Finder {
	t.Helper()
	f, err := discover.New(discover.Config{Store: empty{}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestConfigIsChecked(t *testing.T) {
	if _, err := discover.New(discover.Config{}); err == nil || err.Error() != "discover: Config.Store must be set" {
		t.Errorf("without a store: %v", err)
	}
}

func round(t *testing.T, f *discover.Finder, v *peer.View) (found map[commit.BlobID]discover.Found, seen discover.Seen) {
	t.Helper()
	found = make(map[commit.BlobID]discover.Found)
	seen, err := f.Round(t.Context(), v, func(some []discover.Found) {
		for _, b := range some {
			if _, twice := found[b.Blob]; twice {
				t.Errorf("found twice: %v", b.Blob)
			}
			found[b.Blob] = b
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, seen
}

func id(n uint64) (id commit.BlobID) {
	binary.BigEndian.PutUint64(id[:], n<<32)
	return id
}

// TestOneLiarEndsOnlyItsList has one member list forged certificates without end.
func TestOneLiarEndsOnlyItsList(t *testing.T) {
	v, listers := members(t)
	listers[1].endless = true
	listers[2].lists[api.ListCertified] = certified(t, v, listers, id(5), id(7))
	listers[3].lists[api.ListCertified] = certified(t, v, listers, id(5), id(6))
	f := newFinder(t)
	found, seen := round(t, f, v)
	if len(found) != 3 || seen.Lies != 1 || v.Peers[1].ObservedHealth() != peer.Distrusted {
		t.Errorf("%d blobs, %+v, health %d", len(found), seen, v.Peers[1].ObservedHealth())
	}
	for i, b := range found {
		if b.Lacking != 2 || len(b.Certificate) == 0 {
			t.Errorf("%v: %+v", i, b)
		}
	}
	if n := listers[1].pages[api.ListCertified]; n > 3 { // ids, certificates, and one that is asked for already
		t.Errorf("asked for %d pages of the forged list", n)
	}
}

// losing is a store that loses a blob after it has listed it.
type losing struct{ empty }

func (losing) BlobsWith(store.Record, *commit.BlobID, int) ([]commit.BlobID, error) {
	return []commit.BlobID{id(4)}, nil
}

// TestOwnBlobGoesWhileListed: a blob of the node's own that goes between its list and a look
// at it is none that is missing, and nobody has lied.
func TestOwnBlobGoesWhileListed(t *testing.T) {
	v, listers := members(t)
	listers[2].lists[api.ListCertified] = certified(t, v, listers, id(5))
	f, err := discover.New(discover.Config{Store: losing{}})
	if err != nil {
		t.Fatal(err)
	}
	found, seen := round(t, f, v)
	if _, want := found[id(5)]; len(found) != 1 || !want || seen.Lies != 0 {
		t.Errorf("%d blobs, %+v, want that of the other member and no lies", len(found), seen)
	}
}

// TestPendingBlobsTakeTurns has two members of four list more pending blobs than a round
// asks for, which nobody attests, and behind them one that all attest.
func TestPendingBlobsTakeTurns(t *testing.T) {
	const blobs = 600
	v, listers := members(t)
	for n := uint64(1); n <= blobs; n++ {
		for _, i := range []int{1, 2} {
			listers[i].lists[api.ListPending] = append(listers[i].lists[api.ListPending], api.BlobEntry{Blob: id(n)})
		}
		// Who lists alone is not believed.
		listers[3].lists[api.ListPending] = append(listers[3].lists[api.ListPending], api.BlobEntry{Blob: id(n + blobs)})
	}
	f := newFinder(t)
	rounds := 0
	for tried := 0; tried < blobs; rounds++ {
		if rounds == 5 {
			t.Fatalf("%d of %d blobs were asked for in %d rounds", tried, blobs, rounds)
		}
		round(t, f, v)
		tried = len(listers[1].attest)
	}
	for blob, n := range listers[1].attest {
		if n != 1 || compare(blob, id(blobs)) > 0 {
			t.Errorf("%v was asked for %d times", blob, n)
		}
	}
	// The time for another attempt has not come.
	round(t, f, v)
	if total := len(listers[1].attest); total != blobs {
		t.Errorf("asked for %d blobs", total)
	}
	// A blob that is attested is certified.
	for _, l := range listers {
		l.signs = true
		l.lists[api.ListPending] = []api.BlobEntry{{Blob: id(blobs + 1)}}
	}
	found, _ := round(t, newFinder(t), v)
	b := found[id(blobs+1)]
	if cert, err := committee.ParseCertificate(v.Epochs, b.Certificate); err != nil || cert.Blob != b.Blob || cert.Kind != committee.Stored {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestSilentListIsLeft has one member say nothing, to lists of any one state.
func TestSilentListIsLeft(t *testing.T) {
	for _, state := range []api.ListState{api.ListInvalid, api.ListCertified, api.ListPending} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			v, listers := members(t)
			listers[2].hangs = state
			listers[3].lists[api.ListCertified] = certified(t, v, listers, id(3))
			began := time.Now()
			found, _ := round(t, newFinder(t), v)
			if took := time.Since(began); len(found) != 1 || took > 30*time.Second {
				t.Errorf("%d blobs in %v", len(found), took)
			}
			if s := v.Peers[2].ObservedHealth(); state == api.ListPending && s != peer.Slow {
				t.Errorf("health %d", s)
			}
		})
	}
}

func compare(a, b commit.BlobID) int { return bytes.Compare(a[:], b[:]) }
