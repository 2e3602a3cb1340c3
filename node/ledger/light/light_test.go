package light_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
	"github.com/redstuff-go/redstuff/node/ledger/light"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

var ctx = context.Background()

// must returns the value, or ends the test.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// served is a ledger of five members whose archive serves light clients.
type served struct {
	*ledgertest.Network
	*light.Archive
}

func serve(t testing.TB) served {
	t.Helper()
	n := must[*ledgertest.Network](t)(ledgertest.NewNetwork(5, 10, "alice"))
	a := light.NewArchive(n.State)
	n.Follow = a.Add
	return served{n, a}
}

// join has a new member join.
func (s served) join(t testing.TB) {
	t.Helper()
	m := ledgertest.NewMember(len(s.Members))
	alice := ledgertest.Key("alice")
	must[ledger.ObjectID](t)(s.Do(alice, ledger.Transfer{To: ledgertest.Address(m.Owner()), Amount: 1 << 40}))
	m.ID = ledger.NodeID(must[ledger.ObjectID](t)(s.Do(m.Owner(), ledger.RegisterNode{Node: m.Info})))
	must[ledger.ObjectID](t)(s.Do(m.Owner(), ledger.StakeWith{Node: m.ID, Amount: 2 * ledgertest.Stake}))
	s.Members = append(s.Members, m)
}

// epochs returns a ledger in epoch 5: a member joined in epoch 3.
func epochs(t testing.TB) served {
	t.Helper()
	s := serve(t)
	check(t, s.NextEpoch())
	s.join(t)
	for range 3 {
		check(t, s.NextEpoch())
	}
	return s
}

func client(t testing.TB, s served, o light.Options, sources ...light.Source) *light.Client {
	t.Helper()
	return must[*light.Client](t)(light.New(s.Network.State.Genesis(), o, sources...))
}

// TestClient follows a ledger from genesis, whose members change.
func TestClient(t *testing.T) {
	s := serve(t)
	c := client(t, s, light.Options{}, s)
	alice := ledgertest.Address(ledgertest.Key("alice"))
	// Nothing is certified yet, and genesis can be proven against all the same.
	at := must[ledger.Checkpoint](t)(c.Sync(ctx))
	if _, ok, _, err := c.Get(ctx, ledger.AccountKey(alice)); at.Height != 0 || !ok || err != nil {
		t.Fatalf("genesis: height %d, alice's account %v (%v)", at.Height, ok, err)
	}
	check(t, s.NextEpoch())
	blob := commit.BlobID{1, 2, 3}
	a := committee.Attestation{Kind: committee.Stored, Blob: blob}
	old := must[[]byte](t)(s.Certificate(a, 0, 1, 2, 3, 4)) // of epoch 2
	s.join(t)
	check(t, s.NextEpoch())
	check(t, s.NextEpoch())
	fresh := must[[]byte](t)(s.Certificate(a, 0, 1, 2, 3, 4, 5)) // of epoch 4, after the last checkpoint

	at = must[ledger.Checkpoint](t)(c.Sync(ctx))
	if at.Epoch != 3 || c.Trusted().Last != at {
		t.Errorf("the last checkpoint is %+v, want one of epoch 3", at)
	}
	for name, data := range map[string][]byte{"old": old, "fresh": fresh} {
		if cert, err := c.VerifyCertificate(ctx, data); err != nil || cert.Blob != blob {
			t.Errorf("%s certificate: %+v (%v)", name, cert, err)
		}
		if _, err := c.VerifyCertificate(ctx, append(bytes.Clone(data[:len(data)-1]), data[len(data)-1]^1)); !errors.Is(err, committee.ErrSignature) {
			t.Errorf("%s certificate, forged: error %v, want ErrSignature", name, err)
		}
	}
	if got := c.Trusted(); got.Epoch() != 4 {
		t.Errorf("%d committees are known, want 4", got.Epoch())
	}
	for e := uint32(1); e <= 4; e++ {
		want := must[*committee.Committee](t)(s.Network.State.At(uint64(e)))
		if got := must[*committee.Committee](t)(c.Committee(ctx, e)); got.Fingerprint() != want.Fingerprint() {
			t.Errorf("epoch %d: another committee", e)
		}
	}
	if _, err := c.Committee(ctx, 5); !errors.Is(err, light.ErrEpoch) {
		t.Errorf("a committee of the future: error %v, want ErrEpoch", err)
	}
	want, _, err := s.Network.State.Prove(ledger.NodeKey(s.Members[5].ID)).Verify(s.Network.State.Root(), ledger.NodeKey(s.Members[5].ID))
	check(t, err)
	value, ok, proven, err := c.Get(ctx, ledger.NodeKey(s.Members[5].ID))
	var node ledger.Node
	if err != nil || !ok || proven != at || ledger.Read(value, &node) != nil || node.Info.Name != "node-5" {
		t.Errorf("the new member: %x, %v at %+v (%v); now it is %x", value, ok, proven, err, want)
	}
	if _, ok, _, err := c.Get(ctx, ledger.BlobKey(ledger.ObjectID{9})); ok || err != nil {
		t.Errorf("a blob that is not there: %v (%v)", ok, err)
	}
}

// TestStore: what is trusted outlives the client, and is that of its ledger alone.
func TestStore(t *testing.T) {
	s := epochs(t)
	file := light.File(filepath.Join(t.TempDir(), "trusted"))
	c := client(t, s, light.Options{Store: file}, s)
	must[ledger.Checkpoint](t)(c.Sync(ctx))
	again := client(t, s, light.Options{Store: file})
	if got, want := again.Trusted(), c.Trusted(); !reflect.DeepEqual(got, want) {
		t.Errorf("loaded %+v, want %+v", got, want)
	}
	// It knows the last committee without any source.
	if _, err := again.Committee(ctx, 4); err != nil {
		t.Errorf("the committee that was stored: %v", err)
	}
	if _, err := again.Sync(ctx); !errors.Is(err, light.ErrSource) {
		t.Errorf("without sources: error %v, want ErrSource", err)
	}
	good := must[[]byte](t)(os.ReadFile(string(file)))
	g := s.Network.State.Genesis()
	for name, test := range map[string]struct {
		data   []byte
		change func(*ledger.Genesis)
	}{
		"another ledger":    {good, func(g *ledger.Genesis) { g.Name = "other" }},
		"cut":               {good[:len(good)-1], func(*ledger.Genesis) {}},
		"empty":             {[]byte{}, func(*ledger.Genesis) {}},
		"another first one": {flip(good, 33), func(*ledger.Genesis) {}},
		"another last one":  {flip(good, 33+32*4), func(*ledger.Genesis) {}},
	} {
		other := g
		test.change(&other)
		check(t, os.WriteFile(string(file), test.data, 0o600))
		if _, err := light.New(other, light.Options{Store: file}); !errors.Is(err, light.ErrStore) {
			t.Errorf("%s: error %v, want ErrStore", name, err)
		}
	}
	bad := light.Options{Store: light.File(filepath.Join(t.TempDir(), "no", "directory"))}
	if _, err := client(t, s, bad, s).Sync(ctx); !errors.Is(err, light.ErrStore) {
		t.Errorf("a store that cannot be written: error %v, want ErrStore", err)
	}
}

func flip(data []byte, at int) []byte {
	bad := bytes.Clone(data)
	bad[at] ^= 1
	return bad
}

// liar is a source some of whose answers are others.
type liar struct {
	light.Source
	last      func(ledger.Certified) (*ledger.Certified, error)
	handovers func([]light.Handover) ([]light.Handover, error)
	committee func(*ledger.Committee) (*ledger.Committee, error)
	prove     func(*tree.Proof) (*tree.Proof, error)
}

func (l liar) Last(ctx context.Context) (*ledger.Certified, error) {
	c, err := l.Source.Last(ctx)
	if l.last == nil || err != nil {
		return c, err
	}
	return l.last(*c)
}

func (l liar) Handovers(ctx context.Context, from uint32) ([]light.Handover, error) {
	all, err := l.Source.Handovers(ctx, from)
	if l.handovers == nil || err != nil {
		return all, err
	}
	return l.handovers(all)
}

func (l liar) Committee(ctx context.Context, epoch uint32) (*ledger.Committee, error) {
	c, err := l.Source.Committee(ctx, epoch)
	if l.committee == nil || err != nil {
		return c, err
	}
	return l.committee(c)
}

func (l liar) Prove(ctx context.Context, height uint64, key []byte) (*tree.Proof, error) {
	p, err := l.Source.Prove(ctx, height, key)
	if l.prove == nil || err != nil {
		return p, err
	}
	return l.prove(p)
}

// certify returns a checkpoint with a certificate of some members of an epoch.
func (s served) certify(t *testing.T, epoch uint64, c ledger.Checkpoint, members ...int) ledger.Certified {
	t.Helper()
	of := must[*committee.Committee](t)(s.Network.State.At(epoch))
	signatures := make(map[int]committee.Signature)
	for _, i := range members {
		if at, ok := of.Find(s.Members[i].Signer.Public()); ok {
			signatures[at] = s.Members[i].Signer.Attest(of, c.Attestation())
		}
	}
	cert := must[*committee.Certificate](t)(of.Certify(c.Attestation(), signatures))
	return ledger.Certified{Checkpoint: c, Certificate: must[[]byte](t)(cert.MarshalBinary())}
}

// TestLies: every lie is found out, told apart from others, and keeps nobody from
// asking the next source.
func TestLies(t *testing.T) {
	s := epochs(t)
	other := epochs(t)
	honest := must[*ledger.Certified](t)(s.Last(ctx))
	handovers := must[[]light.Handover](t)(s.Handovers(ctx, 1))
	if len(handovers) != 4 || handovers[0].Committee != nil || handovers[1].Committee == nil || handovers[2].Committee != nil {
		t.Fatalf("%d handovers, want 4, of which the second has another committee", len(handovers))
	}
	failed := errors.New("connection refused")
	// rewrite changes the handover of an epoch.
	rewrite := func(i int, change func(*light.Handover)) liar {
		return liar{handovers: func(all []light.Handover) ([]light.Handover, error) {
			all = append([]light.Handover(nil), all...)
			if i < len(all) {
				all[i].Certificate = bytes.Clone(all[i].Certificate)
				change(&all[i])
			}
			return all, nil
		}}
	}
	relast := func(change func(*ledger.Certified)) liar {
		return liar{last: func(c ledger.Certified) (*ledger.Certified, error) {
			c.Certificate = bytes.Clone(c.Certificate)
			change(&c)
			return &c, nil
		}}
	}
	// short takes signers out of a certificate's bitmap, which is before the signature.
	short := func(cert []byte) {
		at := len(cert) - committee.SignatureSize - 1
		cert[at] = 1
	}
	strangers := *must[*ledger.Committee](t)(s.Archive.Committee(ctx, 3))
	strangers.Members = append([]ledger.Member(nil), strangers.Members...)
	thief := ledgertest.NewMember(77)
	strangers.Members[0].PublicKey, strangers.Members[0].Possession = thief.Info.PublicKey, thief.Info.Possession
	crowd := strangers
	for range 20 {
		crowd.Members = append(crowd.Members, crowd.Members[0])
	}
	forked := honest.Checkpoint
	forked.Root[0] ^= 1
	for _, test := range []struct {
		name string
		lie  liar
		want error
	}{
		{"does not answer", liar{last: func(ledger.Certified) (*ledger.Certified, error) { return nil, failed }}, light.ErrSource},
		{"no checkpoint", liar{last: func(ledger.Certified) (*ledger.Certified, error) { return nil, nil }}, light.ErrSource},
		{"no handovers", liar{handovers: func([]light.Handover) ([]light.Handover, error) { return nil, failed }}, light.ErrSource},
		{"withheld handovers", liar{handovers: func([]light.Handover) ([]light.Handover, error) { return nil, nil }}, light.ErrEpoch},
		{"endless handovers", liar{handovers: func(all []light.Handover) ([]light.Handover, error) {
			return append(all, make([]light.Handover, light.MaxHandovers)...), nil
		}}, light.ErrMessage},
		{"skipped epoch", liar{handovers: func(all []light.Handover) ([]light.Handover, error) { return all[1:], nil }}, light.ErrEpoch},
		{"another epoch's number", rewrite(1, func(h *light.Handover) { h.Epoch = 3 }), light.ErrEpoch},
		{"last of an epoch that is not", relast(func(c *ledger.Certified) { c.Epoch = 1<<32 - 1 }), light.ErrEpoch},
		{"last of no epoch", relast(func(c *ledger.Certified) { c.Epoch = 0 }), light.ErrEpoch},
		{"other chain's handover", rewrite(0, func(h *light.Handover) { h.Chain[0] ^= 1 }), light.ErrChain},
		{"other chain's last", relast(func(c *ledger.Certified) { c.Chain[0] ^= 1 }), light.ErrChain},
		{"no next committee", rewrite(0, func(h *light.Handover) {
			h.Checkpoint.Next = ledger.CommitteeDigest{}
			h.Certified = s.certify(t, 1, h.Checkpoint, 0, 1, 2, 3, 4)
		}), light.ErrHandover},
		{"forged committee", rewrite(1, func(h *light.Handover) { h.Committee = &strangers }), light.ErrCommittee},
		{"crowded committee", rewrite(1, func(h *light.Handover) { h.Committee = &crowd }), light.ErrCommittee},
		{"committee left out", rewrite(1, func(h *light.Handover) { h.Committee = nil }), light.ErrCommittee},
		{"forged digest", rewrite(1, func(h *light.Handover) { h.Next, h.Committee = strangers.Digest(), &strangers }), light.ErrSignature},
		{"signed by strangers", rewrite(2, func(h *light.Handover) {
			// The members of epoch 2 sign for epoch 3, in which there is one more.
			h.Certified = s.certify(t, 2, h.Checkpoint, 0, 1, 2, 3, 4)
		}), light.ErrEpoch},
		{"quorum short in a handover", rewrite(1, func(h *light.Handover) { short(h.Certificate) }), light.ErrQuorum},
		{"quorum short in the last", relast(func(c *ledger.Certified) { short(c.Certificate) }), light.ErrQuorum},
		{"forged bitmap", relast(func(c *ledger.Certified) { c.Certificate[len(c.Certificate)-committee.SignatureSize-1] = 0x3f }), light.ErrSignature},
		{"signer who is no member", relast(func(c *ledger.Certified) { c.Certificate[len(c.Certificate)-committee.SignatureSize-1] |= 0x80 }), light.ErrSignature},
		{"forged signature", relast(func(c *ledger.Certified) { c.Certificate[len(c.Certificate)-1] ^= 1 }), light.ErrSignature},
		{"rubbish for a certificate", relast(func(c *ledger.Certified) { c.Certificate = []byte("rubbish") }), light.ErrSignature},
		{"endless certificate", relast(func(c *ledger.Certified) { c.Certificate = make([]byte, 1<<20) }), light.ErrMessage},
		{"forged root", relast(func(c *ledger.Certified) { c.Root[0] ^= 1 }), light.ErrSignature},
		{"forged height", relast(func(c *ledger.Certified) { c.Height++ }), light.ErrSignature},
		{"forged time", relast(func(c *ledger.Certified) { c.Time++ }), light.ErrSignature},
		{"a blob's certificate", relast(func(c *ledger.Certified) {
			of := must[*committee.Committee](t)(s.Network.State.At(4))
			a := c.Attestation()
			a.Kind = committee.Stored
			signatures := make(map[int]committee.Signature)
			for i := range of.Len() {
				m := s.Members[must[int](t)(memberOf(s, of, i))]
				signatures[i] = m.Signer.Attest(of, a)
			}
			c.Certificate = must[[]byte](t)(must[*committee.Certificate](t)(of.Certify(a, signatures)).MarshalBinary())
		}), light.ErrSignature},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.lie.Source = s
			c := client(t, s, light.Options{}, test.lie)
			_, err := c.Sync(ctx)
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if got := c.Trusted().Last; got.Height != 0 {
				t.Errorf("the lie is trusted: %+v", got)
			}
			known := c.Trusted()
			for i, digest := range known.Digests {
				if want := must[*ledger.Committee](t)(s.Archive.Committee(ctx, uint32(i+1))); want.Digest() != digest {
					t.Errorf("a forged committee of epoch %d is trusted", i+1)
				}
			}
			if at, err := client(t, s, light.Options{}, test.lie, s).Sync(ctx); err != nil || at != honest.Checkpoint {
				t.Errorf("with an honest source behind it: %+v (%v)", at, err)
			}
		})
	}
	t.Run("another ledger with the same members", func(t *testing.T) {
		g := other.Network.State.Genesis()
		g.Start++
		c := must[*light.Client](t)(light.New(g, light.Options{}, s))
		if _, err := c.Sync(ctx); !errors.Is(err, light.ErrChain) {
			t.Errorf("error %v, want ErrChain", err)
		}
	})
	t.Run("fork", func(t *testing.T) {
		c := client(t, s, light.Options{}, s, liar{Source: s, last: func(ledger.Certified) (*ledger.Certified, error) {
			two := s.certify(t, 4, forked, 0, 1, 2, 3, 4, 5)
			return &two, nil
		}})
		if at, err := c.Sync(ctx); err != nil || at != honest.Checkpoint {
			t.Errorf("%+v (%v), want the first of the two", at, err)
		}
		two := client(t, s, light.Options{}, c0{s, s.certify(t, 4, forked, 0, 1, 2, 3, 4, 5)})
		_, err := two.Sync(ctx)
		check(t, err)
		if err := resync(two, s); !errors.Is(err, light.ErrFork) {
			t.Errorf("error %v, want ErrFork", err)
		}
	})
	t.Run("stale", func(t *testing.T) {
		first := handovers[0].Certified
		store := new(light.Memory)
		must[ledger.Checkpoint](t)(client(t, s, light.Options{Store: store}, s).Sync(ctx))
		c := client(t, s, light.Options{Store: store}, c0{s, first})
		if _, err := c.Sync(ctx); !errors.Is(err, light.ErrStale) || c.Trusted().Last != honest.Checkpoint {
			t.Errorf("an older checkpoint than is known: error %v, want ErrStale", err)
		}
		late := func() time.Time { return time.UnixMilli(int64(honest.Time)).Add(time.Hour) }
		c = client(t, s, light.Options{MaxAge: time.Minute, Now: late}, s)
		if _, err := c.Sync(ctx); !errors.Is(err, light.ErrStale) {
			t.Errorf("an old checkpoint: error %v, want ErrStale", err)
		}
		if _, _, _, err := c.Get(ctx, ledger.SystemKey()); !errors.Is(err, light.ErrStale) {
			t.Errorf("a value of an old checkpoint: error %v, want ErrStale", err)
		}
		c = client(t, s, light.Options{MaxAge: 2 * time.Hour, Now: late}, s)
		if _, err := c.Sync(ctx); err != nil {
			t.Errorf("a checkpoint that is young enough: %v", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := client(t, s, light.Options{}, s).Sync(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
	})
}

// c0 is a source whose last checkpoint is a given one.
type c0 struct {
	light.Source
	last ledger.Certified
}

func (c c0) Last(context.Context) (*ledger.Certified, error) { return &c.last, nil }

// resync has a client that trusts one state hear of another one.
func resync(c *light.Client, s served) error {
	trusted := c.Trusted()
	store := new(light.Memory)
	if err := store.Save(light.MarshalTrusted(&trusted)); err != nil {
		return err
	}
	again, err := light.New(s.Network.State.Genesis(), light.Options{Store: store}, s)
	if err != nil {
		return err
	}
	_, err = again.Sync(ctx)
	return err
}

// memberOf returns which member of the network the member i of a committee is.
func memberOf(s served, of *committee.Committee, i int) (int, error) {
	for j, m := range s.Members {
		if at, ok := of.Find(m.Signer.Public()); ok && at == i {
			return j, nil
		}
	}
	return 0, errors.New("no such member")
}

// TestWrongProofs: neither a value nor an absence can be made up.
func TestWrongProofs(t *testing.T) {
	s := epochs(t)
	state := s.Network.State
	there, absent := ledger.SystemKey(), ledger.BlobKey(ledger.ObjectID{1})
	alice := ledger.AccountKey(ledgertest.Address(ledgertest.Key("alice")))
	change := func(change func([]byte)) func(*tree.Proof) (*tree.Proof, error) {
		return func(p *tree.Proof) (*tree.Proof, error) {
			data := must[[]byte](t)(p.MarshalBinary())
			change(data)
			forged := new(tree.Proof)
			check(t, forged.UnmarshalBinary(data))
			return forged, nil
		}
	}
	var prove func(*tree.Proof) (*tree.Proof, error)
	alone := client(t, s, light.Options{}, liar{Source: s, prove: func(p *tree.Proof) (*tree.Proof, error) { return prove(p) }})
	must[ledger.Checkpoint](t)(alone.Sync(ctx))
	for _, test := range []struct {
		name  string
		key   []byte
		prove func(*tree.Proof) (*tree.Proof, error)
		want  error
	}{
		{"no answer", there, func(*tree.Proof) (*tree.Proof, error) { return nil, errors.New("refused") }, light.ErrSource},
		{"no proof", there, func(*tree.Proof) (*tree.Proof, error) { return nil, nil }, light.ErrSource},
		{"of an empty ledger", there, func(*tree.Proof) (*tree.Proof, error) { return new(tree.Proof), nil }, light.ErrProof},
		{"of another state", alice, func(*tree.Proof) (*tree.Proof, error) { return state.Prove(alice), nil }, light.ErrProof},
		{"of another key", there, func(*tree.Proof) (*tree.Proof, error) { return state.Prove(alice), nil }, light.ErrProof},
		{"absence of what is there", there, func(*tree.Proof) (*tree.Proof, error) { return state.Prove(absent), nil }, light.ErrProof},
		{"absence by another leaf", absent, func(*tree.Proof) (*tree.Proof, error) { return state.Prove(alice), nil }, light.ErrProof},
		{"changed value", there, change(func(data []byte) { data[len(data)-1] ^= 1 }), light.ErrProof},
		{"changed leaf of an absence", absent, change(func(data []byte) { data[len(data)-1] ^= 1 }), light.ErrProof},
		{"changed way", there, change(func(data []byte) { data[5] ^= 1 }), light.ErrProof},
	} {
		t.Run(test.name, func(t *testing.T) {
			prove = test.prove
			if value, ok, _, err := alone.Get(ctx, test.key); !errors.Is(err, test.want) || ok || value != nil {
				t.Errorf("%x, %v, error %v; want %v", value, ok, err, test.want)
			}
			c := client(t, s, light.Options{}, liar{Source: s, prove: test.prove}, s)
			must[ledger.Checkpoint](t)(c.Sync(ctx))
			if _, ok, _, err := c.Get(ctx, test.key); err != nil || ok != (test.key[0] != absent[0]) {
				t.Errorf("with an honest source behind it: %v (%v)", ok, err)
			}
		})
	}
}

// TestForgedOldCommittee: members of a past epoch that are fetched again are compared
// with what was signed.
func TestForgedOldCommittee(t *testing.T) {
	s := epochs(t)
	store := new(light.Memory)
	must[ledger.Checkpoint](t)(client(t, s, light.Options{Store: store}, s).Sync(ctx))
	for name, test := range map[string]struct {
		lie  func(*ledger.Committee) (*ledger.Committee, error)
		want error
	}{
		"forged":  {func(c *ledger.Committee) (*ledger.Committee, error) { c.Members[0].Name = "x"; return c, nil }, light.ErrCommittee},
		"none":    {func(*ledger.Committee) (*ledger.Committee, error) { return nil, nil }, light.ErrSource},
		"refused": {func(*ledger.Committee) (*ledger.Committee, error) { return nil, errors.New("refused") }, light.ErrSource},
	} {
		c := client(t, s, light.Options{Store: store}, liar{Source: s, committee: test.lie})
		if _, err := c.Committee(ctx, 2); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", name, err, test.want)
		}
	}
	if _, err := client(t, s, light.Options{Store: store}, s).Committee(ctx, 2); err != nil {
		t.Errorf("an honest one: %v", err)
	}
}
