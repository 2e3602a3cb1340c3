package invalid_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/invalid"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// shards is n: one for each member, and f is 2.
const shards = 7

// member is a member that does as it is told.
type member struct {
	signer *committee.Signer
	c      *committee.Committee

	mu       sync.Mutex
	refuses  bool           // to attest
	forges   bool           // attests something else
	silent   bool           // answers nothing
	reached  func()         // is called when it is silent
	metadata bool           // it has the blob's; without it takes no proof
	told     []byte         // the certificate that it was told
	shows    []byte         // the certificate that it shows
	proof    []byte         // that it gives and was given
	asked    map[string]int // by method and the path's end
}

func (m *member) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m.mu.Lock()
	silent := m.silent
	m.mu.Unlock()
	if silent {
		if m.reached != nil {
			m.reached()
		}
		<-r.Context().Done()
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	id, end, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, api.BlobsPath+"/"), "/")
	blob, err := commit.ParseBlobID(id)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	what := r.Method + " /" + end
	m.asked[what]++
	show := func(data []byte) {
		if data == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write(data)
	}
	switch what {
	case "PUT " + api.MetadataPath:
		m.metadata = true
	case "PUT " + api.ProofPath:
		if m.refuses {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		if !m.metadata {
			w.WriteHeader(http.StatusConflict)
			return
		}
		m.proof = body
		a := committee.Attestation{Kind: committee.Inconsistent, Blob: blob}
		if m.forges {
			a.Kind = committee.Stored
		}
		_ = json.NewEncoder(w).Encode(api.Confirmation{Signature: m.signer.Attest(m.c, a)})
	case "PUT " + api.InvalidBlobCertificatePath:
		m.told = body
	case "GET " + api.InvalidBlobCertificatePath:
		show(m.shows)
	case "GET " + api.ProofPath:
		show(m.proof)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// members returns a view of a client of members who attest all that they are asked to.
func members(t *testing.T) (*peer.View, []*member) {
	t.Helper()
	var all []committee.Member
	list := make([]*member, shards)
	for i, s := range committee.Spread(shards, shards) {
		m := &member{metadata: true, asked: make(map[string]int)}
		server := httptest.NewServer(m)
		t.Cleanup(server.Close)
		key := identity.GenerateKey()
		m.signer = key.Signer(new(committee.HashCache))
		list[i] = m
		all = append(all, identity.NewMember(fmt.Sprint("node-", i), strings.TrimPrefix(server.URL, "http://"), key, s))
	}
	c, err := committee.New(committee.System{Network: "test", Shards: shards, Scheme: commit.BLAKE3}, 1, all)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		m.c = c
	}
	set := peer.NewSet(nil, peer.Options{Plaintext: true, Idle: time.Minute, Attempts: 1})
	t.Cleanup(set.Close)
	return set.View(&epoch.View{Current: c}, committee.NodeID{}), list
}

// broken is a blob that does not decode to itself, and the proof of it.
type broken struct {
	code  *rs2d.Code
	id    commit.BlobID
	meta  *commit.Metadata
	proof []byte
}

func breakBlob(t *testing.T) broken {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	code, err := rs2d.New(shards)
	check(err)
	e, err := code.Encode([]byte("nobody can read this"))
	check(err)
	meta := *e.Metadata()
	meta.Secondary = append([]commit.Hash(nil), meta.Secondary...)
	meta.Secondary[shards-1][0] ^= 1
	var symbols []rs2d.Symbol
	for i := range shards {
		prover, err := code.NewProver(e.Primary(i))
		check(err)
		symbols = append(symbols, prover.Symbol(shards-1))
	}
	_, err = code.Recover(&meta, rs2d.SliverRef{Axis: rs2d.Secondary, Index: shards - 1}, symbols)
	var inconsistent *rs2d.InconsistentError
	if !errors.As(err, &inconsistent) {
		t.Fatal(err)
	}
	proof, err := inconsistent.Proof.MarshalBinary()
	check(err)
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	check(err)
	id, err := meta.ID(hasher)
	check(err)
	return broken{code, id, &meta, proof}
}

func (b broken) attestation() committee.Attestation {
	return committee.Attestation{Kind: committee.Inconsistent, Blob: b.id}
}

// certificate returns one that the members who are named signed.
func (b broken) certificate(t *testing.T, list []*member, a committee.Attestation, signers ...int) []byte {
	t.Helper()
	signatures := make(map[int]committee.Signature)
	for _, i := range signers {
		signatures[i] = list[i].signer.Attest(list[i].c, a)
	}
	cert, err := list[0].c.Certify(a, signatures)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := cert.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestCertify has as many members attest as it takes, while others refuse, forge, or say
// nothing.
func TestCertify(t *testing.T) {
	b := breakBlob(t)
	for name, test := range map[string]struct {
		spoil func([]*member)
		own   []int // attest before
		fails bool
		liars []int
	}{
		"all attest": {spoil: func([]*member) {}},
		"some refuse": {spoil: func(list []*member) {
			for _, m := range list[3:] {
				m.refuses = true
			}
		}},
		"too many refuse": {fails: true, spoil: func(list []*member) {
			for _, m := range list[2:] {
				m.refuses = true
			}
		}},
		"one has attested before": {own: []int{6}, spoil: func(list []*member) {
			for _, m := range list[2:] {
				m.refuses = true
			}
		}},
		"some have no metadata": {spoil: func(list []*member) {
			for _, m := range list {
				m.metadata = false
			}
		}},
		"forged attestations count for nothing": {fails: true, liars: []int{0, 1}, spoil: func(list []*member) {
			list[0].forges, list[1].forges = true, true
			for _, m := range list[4:] {
				m.refuses = true
			}
		}},
		"some are silent": {spoil: func(list []*member) { list[1].silent, list[5].silent = true, true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, list := members(t)
			test.spoil(list)
			own := make(map[int]committee.Signature)
			for _, i := range test.own {
				own[i] = list[i].signer.Attest(list[i].c, b.attestation())
			}
			cert, err := invalid.Certify(t.Context(), v, b.meta, b.id, b.proof, own)
			for _, i := range test.liars {
				if got := v.Peers[i].ObservedHealth(); got != peer.Distrusted {
					t.Errorf("health of forger %d: %d, want %d", i, got, peer.Distrusted)
				}
			}
			if len(own) != len(test.own) {
				t.Error("the caller's attestations are changed")
			}
			if test.fails {
				if !errors.Is(err, committee.ErrWeight) {
					t.Fatalf("%v, want %v", err, committee.ErrWeight)
				}
				for _, m := range list {
					if m.told != nil {
						t.Error("a member is told of a certificate that there is not")
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			raw, err := cert.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := invalid.Parse(v.Epochs, b.id, raw); err != nil {
				t.Errorf("certificate: %v", err)
			}
			told := 0
			for i, m := range list {
				m.mu.Lock()
				if m.told != nil {
					told++
				}
				if m.asked["PUT "+api.ProofPath] > 0 && !m.refuses && string(m.proof) != string(b.proof) {
					t.Errorf("member %d got another proof", i)
				}
				m.mu.Unlock()
			}
			if need := shards - 2; told < need {
				t.Errorf("%d members are told, want %d", told, need)
			}
		})
	}
}

// TestTooFewNameWhatTheySaid: who is to find out why needs the members' answers.
func TestTooFewNameWhatTheySaid(t *testing.T) {
	b := breakBlob(t)
	v, list := members(t)
	for _, m := range list[2:] {
		m.refuses = true
	}
	_, err := invalid.Certify(t.Context(), v, b.meta, b.id, b.proof, nil)
	if err == nil || !strings.Contains(err.Error(), "node-4 answers 422") || strings.Contains(err.Error(), "node-1 ") {
		t.Errorf("%v", err)
	}
}

// TestCertifyEndsWithItsContext asks members of whom none answers.
func TestCertifyEndsWithItsContext(t *testing.T) {
	b := breakBlob(t)
	v, list := members(t)
	for _, m := range list {
		m.silent = true
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	list[4].reached = cancel
	if _, err := invalid.Certify(ctx, v, b.meta, b.id, b.proof, nil); !errors.Is(err, context.Canceled) || !errors.Is(err, peer.ErrSilent) {
		t.Errorf("%v, want that it was cancelled, and who was silent", err)
	}
}

// TestFind: one member that has the certificate is enough, whatever others show.
func TestFind(t *testing.T) {
	b := breakBlob(t)
	v, list := members(t)
	right := b.certificate(t, list, b.attestation(), 0, 1, 2)
	other := b.attestation()
	other.Blob[0] ^= 1
	list[0].shows = []byte("nonsense")
	list[1].shows = b.certificate(t, list, other, 0, 1, 2)
	_, err := invalid.Find(t.Context(), v, b.id)
	var none *peer.NoneError
	if !errors.As(err, &none) || len(none.Errors) != shards || !errors.Is(err, peer.ErrNotFound) || !errors.Is(err, peer.ErrLied) {
		t.Fatalf("%v, want what each member answered", err)
	}
	for i, want := range map[int]peer.Health{0: peer.Distrusted, 1: peer.Distrusted, 2: peer.Good} {
		if got := v.Peers[i].ObservedHealth(); got != want {
			t.Errorf("health of member %d: %d, want %d", i, got, want)
		}
	}
	list[5].shows = right
	cert, err := invalid.Find(t.Context(), v, b.id)
	if err != nil || cert.Attestation != b.attestation() {
		t.Errorf("%v, %v", cert, err)
	}
}

// TestParse takes the certificate of the blob, and nothing else.
func TestParse(t *testing.T) {
	b := breakBlob(t)
	v, list := members(t)
	stored, other := b.attestation(), b.attestation()
	stored.Kind = committee.Stored
	other.Blob[0] ^= 1
	right := b.certificate(t, list, b.attestation(), 1, 3, 5)
	if cert, err := invalid.Parse(v.Epochs, b.id, right); err != nil || cert.Attestation != b.attestation() {
		t.Errorf("the right one: %v", err)
	}
	for name, raw := range map[string][]byte{
		"that it is stored": b.certificate(t, list, stored, 0, 1, 2, 3, 4),
		"of another blob":   b.certificate(t, list, other, 0, 1, 2),
		"nothing":           nil,
		"cut off":           right[:len(right)-1],
	} {
		if _, err := invalid.Parse(v.Epochs, b.id, raw); !errors.Is(err, committee.ErrCertificate) {
			t.Errorf("%s: %v, want %v", name, err, committee.ErrCertificate)
		}
	}
	changed := append([]byte(nil), right...)
	changed[len(changed)-1] ^= 1
	if _, err := invalid.Parse(v.Epochs, b.id, changed); err == nil {
		t.Error("a changed one is taken")
	}
}

// TestFetchProof takes a proof of any member, but verifies it.
func TestFetchProof(t *testing.T) {
	b := breakBlob(t)
	v, list := members(t)
	list[0].proof = []byte("nonsense")
	if _, err := invalid.FetchProof(t.Context(), v, b.code, b.id, b.meta); !errors.Is(err, peer.ErrLied) {
		t.Errorf("%v, want %v", err, peer.ErrLied)
	}
	list[3].proof = b.proof
	got, err := invalid.FetchProof(t.Context(), v, b.code, b.id, b.meta)
	if err != nil || string(got) != string(b.proof) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	// The same proof says nothing of a blob that is as it should be.
	e, err := b.code.Encode([]byte("nobody can read this"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := invalid.FetchProof(t.Context(), v, b.code, e.ID(), e.Metadata()); !errors.Is(err, peer.ErrLied) {
		t.Errorf("proof of a good blob: %v, want %v", err, peer.ErrLied)
	}
}

// TestMark drops all slivers, those in quarantine included, with the certificate at once; and those
// that came when it was there.
func TestMark(t *testing.T) {
	s, err := store.Open("store", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	id, bad := commit.BlobID{1}, store.Ref{Axis: rs2d.Primary, Pair: 4}
	put := func(refs ...store.Ref) {
		t.Helper()
		var u store.Update
		for _, ref := range refs {
			u.Slivers = append(u.Slivers, store.Sliver{Ref: ref, Data: []byte("sliver")})
		}
		if err := s.Apply(id, u); err != nil {
			t.Fatal(err)
		}
	}
	put(bad, store.Ref{Axis: rs2d.Primary, Pair: 1}, store.Ref{Axis: rs2d.Secondary, Pair: 1})
	if err := s.Quarantine(id, bad); err != nil {
		t.Fatal(err)
	}
	if invalid.Marked(s, id) {
		t.Error("marked before it is")
	}
	for _, late := range [][]store.Ref{nil, {{Axis: rs2d.Secondary, Pair: 5}}, nil} {
		if len(late) > 0 {
			put(late...)
		}
		if err := invalid.Mark(s, id, []byte("certificate")); err != nil {
			t.Fatal(err)
		}
		info, err := s.Info(id)
		if err != nil || len(info.Slivers)+len(info.Quarantined) > 0 || !invalid.Marked(s, id) {
			t.Errorf("%+v, %v, marked %v; want the mark and no slivers", info, err, invalid.Marked(s, id))
		}
		if got, err := s.Record(id, store.InvalidBlobCertificate); string(got) != "certificate" {
			t.Errorf("certificate %q, %v", got, err)
		}
	}
	full := fullStore{s}
	if err := invalid.Mark(full, id, nil); !errors.Is(err, store.ErrFull) {
		t.Errorf("%v, want the store's error", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// fullStore takes nothing.
type fullStore struct{ store.Store }

// Apply is of store.Store.
func (fullStore) Apply(commit.BlobID, store.Update) error { return store.ErrFull }
