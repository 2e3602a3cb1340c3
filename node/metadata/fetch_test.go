package metadata_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/coded"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/peer"
)

// manner is how a node answers who gathers parts.
type manner int

const (
	honest   manner = iota
	keepsAll        // gives all of the metadata
	silent          // does not answer
	absent          // has nothing
	failing         // answers 500
	garbage         // answers bytes of no form
	flooding        // answers without an end
	others          // gives parts of other metadata, which open to their own root
	together        // likewise, all such nodes of the same metadata
	forged          // gives wrong parts with the right root
	unopened        // gives right parts with a wrong proof
	unasked         // gives parts of pairs that are another's
	wholeLie        // gives all of other metadata
	manners
)

// town is nodes that answer who gathers parts, each in its manner.
type town struct {
	committee *committee.Committee
	code      *coded.Code
	hasher    *commit.Hasher
	meta      *commit.Metadata
	list      *coded.List
	id        commit.BlobID
	lies      []*coded.List // of other metadata; the first is what colluding nodes give

	mu      sync.Mutex
	manners []manner
	proven  int // requests for proven parts
}

func random(n int, seed byte) *commit.Metadata {
	m := &commit.Metadata{Scheme: commit.BLAKE3, Length: 1000 + uint64(seed), Primary: make([]commit.Hash, n), Secondary: make([]commit.Hash, n)}
	for i := range n {
		m.Primary[i], m.Secondary[i] = commit.Hash{1, seed, byte(i), byte(i >> 8)}, commit.Hash{2, seed, byte(i), byte(i >> 8)}
	}
	return m
}

func newTown(t *testing.T, nodes, shards int) *town {
	t.Helper()
	w := &town{manners: make([]manner, nodes)}
	var members []committee.Member
	for i, s := range committee.Spread(shards, nodes) {
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.serve(i, rw, r) }))
		t.Cleanup(server.Close)
		members = append(members, identity.NewMember(fmt.Sprint("node-", i), server.Listener.Addr().String(), identity.GenerateKey(), s))
	}
	var err error
	system := committee.System{Network: "test", Shards: shards, Scheme: commit.BLAKE3, Metadata: committee.Coded}
	if w.committee, err = committee.New(system, 1, members); err != nil {
		t.Fatal(err)
	}
	if w.hasher, err = commit.NewHasher(commit.BLAKE3, ""); err != nil {
		t.Fatal(err)
	}
	if w.code, err = coded.New(shards, w.hasher); err != nil {
		t.Fatal(err)
	}
	w.meta = random(shards, 0)
	if w.id, err = w.meta.ID(w.hasher); err != nil {
		t.Fatal(err)
	}
	if w.list, err = w.code.Encode(w.meta); err != nil {
		t.Fatal(err)
	}
	for i := range nodes {
		lie, err := w.code.Encode(random(shards, byte(1+i)))
		if err != nil {
			t.Fatal(err)
		}
		w.lies = append(w.lies, lie)
	}
	return w
}

func (w *town) serve(node int, rw http.ResponseWriter, r *http.Request) {
	pairs, proven, err := api.ParsePartsQuery(r.URL.Query(), w.committee.Params().N)
	if err != nil || !strings.HasSuffix(r.URL.Path, api.PartsPath) {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	how := w.manners[node]
	if proven {
		w.proven++
	}
	w.mu.Unlock()
	slices.Sort(pairs)
	own := pairs
	if proven {
		own = w.committee.Pairs(w.id, node)
	}
	answer := func(p *coded.Parts) { _, _ = rw.Write(p.Append(nil)) }
	whole := func(m *commit.Metadata) {
		raw, _ := m.MarshalBinary()
		_, _ = rw.Write(raw)
	}
	switch how {
	case honest:
		answer(w.list.Parts(own, proven))
	case keepsAll:
		whole(w.meta)
	case silent:
		<-r.Context().Done()
	case absent:
		rw.WriteHeader(http.StatusNotFound)
	case failing:
		rw.WriteHeader(http.StatusInternalServerError)
	case garbage:
		_, _ = rw.Write(bytes.Repeat([]byte{0xc1, 7}, 100))
	case flooding:
		for r.Context().Err() == nil {
			if _, err := rw.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	case others:
		answer(w.lies[node].Parts(own, proven))
	case together:
		answer(w.lies[0].Parts(own, proven))
	case forged:
		p := w.list.Parts(own, proven)
		for i := range p.Data {
			p.Data[i] = bytes.Clone(p.Data[i])
			p.Data[i][node%len(p.Data[i])] ^= 1
		}
		answer(p)
	case unopened:
		p := w.list.Parts(own, proven)
		if proven {
			p.Proof = slices.Clone(p.Proof)
			p.Proof[0][0] ^= 1
		}
		answer(p)
	case unasked:
		all := make([]int, w.committee.Params().N)
		for i := range all {
			all[i] = i
		}
		answer(w.lies[node].Parts(all, proven))
	case wholeLie:
		whole(random(w.committee.Params().N, 99))
	}
}

// fetch fetches the metadata once, as somebody who knows nothing of the nodes. It returns
// the nodes that were found to lie.
func (w *town) fetch(ctx context.Context) (meta *commit.Metadata, liars map[string]bool, err error) {
	f, err := metadata.NewFetcher(w.committee.System(), w.hasher)
	if err != nil {
		return nil, nil, err
	}
	set := peer.NewSet(nil, peer.Options{Plaintext: true, HedgeAfter: 20 * time.Millisecond, Attempts: 1})
	defer set.Close()
	liars = make(map[string]bool)
	meta, _, err = f.Fetch(ctx, set.View(&epoch.View{Current: w.committee}, committee.NodeID{}), w.id, func(p *peer.Peer, err error) error {
		if errors.Is(err, peer.ErrLied) {
			liars[p.Name()] = true
		}
		return nil
	})
	return meta, liars, err
}

func (w *town) set(m []manner) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.manners, w.proven = slices.Clone(m), 0 // the test goes on with m
}

// TestLiarsNeverPrevent: whatever the owners of f shards answer, in any mixture, the metadata
// comes, and it is the right one. Nobody is called a liar who is none.
func TestLiarsNeverPrevent(t *testing.T) {
	for _, size := range []struct{ nodes, shards int }{{10, 10}, {7, 21}} {
		w := newTown(t, size.nodes, size.shards)
		f := w.committee.Params().F
		rapid.Check(t, func(t *rapid.T) {
			m := make([]manner, size.nodes)
			bad := rapid.SliceOfNDistinct(rapid.IntRange(0, size.nodes-1), 0, f*size.nodes/size.shards, rapid.ID[int]).Draw(t, "bad")
			for _, node := range bad {
				m[node] = manner(rapid.IntRange(int(honest), int(manners)-1).Draw(t, "manner"))
			}
			w.set(m)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			meta, liars, err := w.fetch(ctx)
			if err != nil || !reflect.DeepEqual(meta, w.meta) {
				t.Fatalf("manners %v: error %v, or other metadata", m, err)
			}
			for node := range size.nodes {
				if liars[fmt.Sprint("node-", node)] && m[node] < garbage {
					t.Fatalf("manners %v: node %d is called a liar", m, node)
				}
			}
		})
	}
}

// TestForgersAreNamed: nodes that give wrong parts with the right root are found by the
// proofs that are asked for then, and named.
func TestForgersAreNamed(t *testing.T) {
	w := newTown(t, 10, 10)
	m := make([]manner, 10)
	for node := range 3 {
		m[node] = forged
	}
	for range 20 { // whom it asks first is chance
		w.set(m)
		meta, liars, err := w.fetch(t.Context())
		if err != nil || !reflect.DeepEqual(meta, w.meta) {
			t.Fatalf("error %v, or other metadata", err)
		}
		w.mu.Lock()
		proven := w.proven
		w.mu.Unlock()
		if proven > 0 && len(liars) == 0 {
			t.Fatalf("%d proofs were asked for, and nobody was named", proven)
		}
		for name := range liars {
			if name > "node-2" {
				t.Fatalf("%s is called a liar", name)
			}
		}
	}
}

// TestHonestNodesAreAskedForPartsAlone: without liars nobody is asked for proofs, and f+1
// parts come.
func TestHonestNodesAreAskedForPartsAlone(t *testing.T) {
	w := newTown(t, 10, 100)
	f, err := metadata.NewFetcher(w.committee.System(), w.hasher)
	if err != nil {
		t.Fatal(err)
	}
	set := peer.NewSet(nil, peer.Options{Plaintext: true, HedgeAfter: time.Minute})
	defer set.Close()
	meta, received, err := f.Fetch(t.Context(), set.View(&epoch.View{Current: w.committee}, committee.NodeID{}), w.id, nil)
	if err != nil || !reflect.DeepEqual(meta, w.meta) {
		t.Fatalf("error %v, or other metadata", err)
	}
	// 34 parts of 190 bytes from 4 nodes, each with a head and 2 bytes a pair.
	if want := int64(34*(190+2) + 4*35); received != want {
		t.Errorf("%d bytes were received, want %d", received, want)
	}
	if w.proven != 0 {
		t.Errorf("%d proofs were asked for", w.proven)
	}
}

// TestNobodyHasIt: if no node has the metadata, the error says what each answered, and the
// search ends when the caller has heard enough.
func TestNobodyHasIt(t *testing.T) {
	w := newTown(t, 10, 10)
	m := make([]manner, 10)
	for node := range m {
		m[node] = absent
	}
	w.set(m)
	_, _, err := w.fetch(t.Context())
	var none *peer.NoneError
	if !errors.As(err, &none) || len(none.Errors) != 10 || !errors.Is(err, peer.ErrNotFound) {
		t.Fatalf("%v, want a %T of 10 nodes", err, none)
	}
	f, err := metadata.NewFetcher(w.committee.System(), w.hasher)
	if err != nil {
		t.Fatal(err)
	}
	set := peer.NewSet(nil, peer.Options{Plaintext: true})
	defer set.Close()
	enough, heard := errors.New("enough"), 0
	_, _, err = f.Fetch(t.Context(), set.View(&epoch.View{Current: w.committee}, committee.NodeID{}), w.id, func(*peer.Peer, error) error {
		if heard++; heard == 2 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || heard != 2 {
		t.Errorf("%v after %d answers, want %v after 2", err, heard, enough)
	}
	ctx, cancel := context.WithCancel(t.Context())
	for node := range m {
		m[node] = silent
	}
	w.set(m)
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, _, err := w.fetch(ctx); !errors.As(err, &none) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want a %T for %v", err, none, context.Canceled)
	}
}
