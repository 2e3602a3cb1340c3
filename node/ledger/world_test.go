package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
)

// fataler is a test, or one of rapid's.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// world is a ledger with people who use it.
type world struct {
	t       fataler
	state   *State
	people  []ed25519.PrivateKey // with money
	members []*member
	now     uint64
}

// member is a node with its keys.
type member struct {
	owner ed25519.PrivateKey
	key   *committee.SecretKey
	tls   ed25519.PrivateKey
	info  NodeInfo
	id    NodeID
}

// personKey returns the key of a person, always the same one for a name.
func personKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func addressOf(key ed25519.PrivateKey) (a Address) {
	copy(a[:], key.Public().(ed25519.PublicKey))
	return a
}

// memberKeys are made once: proofs of possession take a while.
var memberKeys = func() []*committee.SecretKey {
	keys := make([]*committee.SecretKey, 12)
	for i := range keys {
		keys[i] = committee.DeriveSecretKey([]byte(fmt.Sprintf("a seed of more than 32 bytes, number %d", i)))
	}
	return keys
}()

func newMember(i int) *member {
	m := &member{
		owner: personKey(fmt.Sprintf("owner %d", i)), key: memberKeys[i], tls: personKey(fmt.Sprintf("tls %d", i)),
	}
	m.info = NodeInfo{
		Name: fmt.Sprintf("node-%d", i), Address: fmt.Sprintf("127.0.0.1:%d", 7100+i), PublicKey: m.key.Public().Bytes(),
		Possession: m.key.Prove(), TLSKey: addressOf(m.tls), TLSProof: ProveTLSKey(m.tls, addressOf(m.owner)),
		Votes: Votes{StoragePrice: 100, WritePrice: 20, Capacity: 1 << 30}, Commission: 1000,
	}
	return m
}

const (
	testEpoch  = 1000 // milliseconds
	testStart  = 5_000_000
	testStake  = 1_000_000
	testMoney  = 1_000_000_000
	testShards = 10
)

// newWorld returns a ledger of four members with equal stake, and three people with
// money; the owners of nodes have some, too.
func newWorld(t fataler) *world {
	t.Helper()
	return newWorldWith(t, func(*Genesis) {})
}

// newWorldWith is newWorld with a genesis that change has changed.
func newWorldWith(t fataler, change func(*Genesis)) *world {
	t.Helper()
	w := &world{t: t, now: testStart}
	g := Genesis{
		Name: "test", Shards: testShards, Scheme: uint8(commit.BLAKE3), Start: testStart, EpochMillis: testEpoch, SyncMillis: 300,
		MaxEpochsAhead: 8, MinStake: 1000, MaxNodes: 6, CheckpointMillis: 1 << 50,
	}
	for i := range 3 {
		key := personKey(fmt.Sprintf("person %d", i))
		w.people = append(w.people, key)
		g.Balances = append(g.Balances, Balance{addressOf(key), testMoney})
	}
	for i := range 4 {
		m := newMember(i)
		w.members = append(w.members, m)
		g.Nodes = append(g.Nodes, GenesisNode{addressOf(m.owner), m.info, testStake})
		g.Balances = append(g.Balances, Balance{addressOf(m.owner), testMoney})
	}
	change(&g)
	state, err := Begin(g)
	if err != nil {
		t.Fatal(err)
	}
	w.state = state
	for id, n := range state.Nodes() {
		for _, m := range w.members {
			if m.info.Name == n.Info.Name {
				m.id = id
			}
		}
	}
	return w
}

// sign makes a transaction of the sender's next nonce.
func (w *world) sign(key ed25519.PrivateKey, a Action) []byte {
	w.t.Helper()
	tx := Tx{Chain: w.state.ChainID(), Nonce: w.nonce(key), FeePerByte: 1 << 20, Action: a}
	data, err := tx.Sign(key)
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

func (w *world) nonce(key ed25519.PrivateKey) uint64 {
	if a := Get[Account](w.state, AccountKey(addressOf(key))); a != nil {
		return a.Nonce
	}
	return 0
}

func (w *world) balance(key ed25519.PrivateKey) uint64 {
	if a := Get[Account](w.state, AccountKey(addressOf(key))); a != nil {
		return a.Balance
	}
	return 0
}

// block applies transactions in a block of their own.
func (w *world) block(txs ...[]byte) Outcome {
	w.t.Helper()
	next, out, err := w.state.Apply(Block{Height: w.state.System().Height + 1, Time: w.now, Txs: txs})
	if err != nil {
		w.t.Fatal(err)
	}
	w.state = next
	return out
}

// try applies one action, and returns its result and the id of the first object that it
// made.
func (w *world) try(key ed25519.PrivateKey, a Action) (Result, ObjectID) {
	w.t.Helper()
	r := w.block(w.sign(key, a)).Results[0]
	return r, ObjectIDOf(r.Digest, 0)
}

// do applies one action, which must succeed.
func (w *world) do(key ed25519.PrivateKey, a Action) ObjectID {
	w.t.Helper()
	r, id := w.try(key, a)
	if r.Err != nil {
		w.t.Fatalf("%T: %v", a, r.Err)
	}
	return id
}

// pass lets time pass in an empty block.
func (w *world) pass(millis uint64) []Event {
	w.t.Helper()
	w.now += millis
	return w.block().Events
}

// nextEpoch lets time pass until the next epoch has started, and has all its members
// report that they have their shards.
func (w *world) nextEpoch() {
	w.t.Helper()
	w.nextEpochBut(nil)
}

// nextEpochBut is nextEpoch, but some nodes do not report.
func (w *world) nextEpochBut(silent map[NodeID]bool) {
	w.t.Helper()
	w.pass(testEpoch / 2)
	w.pass(testEpoch / 2)
	for _, m := range w.members {
		if w.committee().weightOf(m.id) > 0 && !silent[m.id] {
			w.do(m.owner, ReportSynced{Node: m.id, Epoch: w.state.System().Epoch})
		}
	}
	if p := Phase(w.state.System().Phase); p != PhaseDone {
		w.t.Fatalf("phase %v after all members have reported, want done", p)
	}
}

func (w *world) committee() *Committee {
	return Get[Committee](w.state, CommitteeKey(w.state.System().Epoch))
}

// ownBlob is a blob to register.
type blob struct {
	id     commit.BlobID
	root   commit.Hash
	length uint64
}

func (w *world) blob(name string, length uint64) blob {
	root := sha256.Sum256([]byte(name))
	return blob{w.state.hasher.BlobID(testShards, length, root), root, length}
}

// certificate returns a certificate by the members who own shards now, of which the
// given ones sign.
func (w *world) certificate(a committee.Attestation, signers ...int) []byte {
	w.t.Helper()
	g := w.state.Genesis()
	c, err := w.committee().Committee(&g, w.state.System().Epoch)
	if err != nil {
		w.t.Fatal(err)
	}
	signatures := make(map[int]committee.Signature)
	for _, i := range signers {
		if at, ok := c.FindName(w.members[i].info.Name); ok {
			signatures[at] = committee.NewSigner(w.members[i].key, nil).Attest(c, a)
		}
	}
	cert, err := c.Certify(a, signatures)
	if err != nil {
		w.t.Fatal(err)
	}
	data, err := cert.MarshalBinary()
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

// register registers a blob for some epochs.
func (w *world) register(key ed25519.PrivateKey, b blob, epochs uint32, deletable bool) ObjectID {
	w.t.Helper()
	return w.do(key, ReserveAndRegister{epochs, b.id, b.root, b.length, encodingRS2, deletable})
}

func stored(b blob) committee.Attestation {
	return committee.Attestation{Kind: committee.Stored, Blob: b.id}
}

// storedAs is what certifies a deletable registration.
func storedAs(b blob, id ObjectID) committee.Attestation {
	return committee.Attestation{Kind: committee.StoredDeletable, Blob: b.id, Object: committee.ObjectID(id)}
}

// checkInvariants: no money is made or lost, and what is reserved is what storages and
// blobs have.
func (w *world) checkInvariants() {
	w.t.Helper()
	if m := w.state.Money(); m.Sum() != m.Minted {
		w.t.Fatalf("there is %d of money, and %d was minted: %+v", m.Sum(), m.Minted, m)
	}
	used := make(map[uint32]uint64)
	count := func(s Storage) {
		for epoch := max(s.Start, w.state.System().Epoch); epoch < s.End; epoch++ {
			used[epoch] += s.Size
		}
	}
	for _, s := range all[Storage](w.state.tree, kindStorage) {
		count(*s)
	}
	for _, b := range all[Blob](w.state.tree, kindBlob) {
		count(b.Storage)
	}
	epoch := w.state.System().Epoch
	for e := epoch; e < epoch+20; e++ {
		if slot := w.state.draft().slot(e); slot.Used != used[e] {
			w.t.Fatalf("%d bytes are counted in epoch %d, and storages and blobs have %d", slot.Used, e, used[e])
		}
	}
	shards := 0
	for _, m := range w.committee().Members {
		shards += len(m.Shards)
	}
	if shards != testShards {
		w.t.Fatalf("the committee owns %d shards of %d", shards, testShards)
	}
}

func TestWorld(t *testing.T) {
	w := newWorld(t)
	w.checkInvariants()
	s := w.state.System()
	if s.Epoch != 1 || Phase(s.Phase) != PhaseDone || s.StoragePrice != 100 || s.WritePrice != 20 {
		t.Errorf("the ledger begins as %+v, want epoch 1, done, prices 100 and 20", s)
	}
	// Four members of 1 GiB each, of which two own 3 shards and two own 2: three quarters
	// of the shards are of members who can store 1 GiB for 3 shards at least.
	if want := uint64(1 << 30 * 10 / 3); s.Capacity != want {
		t.Errorf("capacity %d, want %d", s.Capacity, want)
	}
}
