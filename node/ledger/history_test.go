package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/apportion"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
)

// TestModel applies random transactions to ledgers and to their models, and compares all
// that there is after each block: 100,000 in all, in ledgers of different sizes.
func TestModel(t *testing.T) {
	histories, transactions := 20, 2000
	if testing.Short() {
		histories, transactions = 6, 500
	}
	var mu sync.Mutex
	did, broke := make(map[string]int), make(map[ledger.Rule]int)
	t.Run("histories", func(t *testing.T) {
		for seed := range histories {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				t.Parallel()
				h := newHistory(t, uint64(seed))
				for h.applied < transactions {
					h.block()
				}
				for what, count := range h.model.did {
					h.did[what] += count
				}
				for _, n := range h.model.nodes {
					if n.slashed.Sign() > 0 {
						h.did[slashed]++
					}
					if n.rewards.Sign() < 0 {
						h.did[indebted]++
					}
				}
				mu.Lock()
				defer mu.Unlock()
				for name, count := range h.did {
					did[name] += count
				}
				for rule, count := range h.broke {
					broke[rule] += count
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	done, refused := 0, 0
	for _, count := range did {
		done += count
	}
	for _, count := range broke {
		refused += count
	}
	t.Logf("%d transactions done and %d refused: %v %v", done, refused, did, broke)
	// A history in which little happens shows little.
	if done < refused/2 {
		t.Errorf("only %d of %d transactions did anything", done, done+refused)
	}
	if testing.Short() {
		return
	}
	for _, name := range append([]string{slashed, indebted, excused, helping, doubled, outside, governed}, kindsOfActions...) {
		if did[name] == 0 {
			t.Errorf("no %s did anything", name)
		}
	}
	for _, rule := range []ledger.Rule{
		ledger.RuleNonce, ledger.RuleFee, ledger.RuleFunds, ledger.RuleOverflow, ledger.RuleUnknown, ledger.RuleOwner, ledger.RuleAmount,
		ledger.RuleEpochs, ledger.RuleCapacity, ledger.RuleMismatch, ledger.RuleExpired, ledger.RuleSize, ledger.RuleBlobID, ledger.RuleCertified,
		ledger.RuleProof, ledger.RuleEpoch, ledger.RulePermanent, ledger.RuleInvalid, ledger.RuleKey, ledger.RuleRate, ledger.RuleStake,
		ledger.RuleEarly, ledger.RuleMember, ledger.RuleTwice, ledger.RulePhase,
	} {
		if broke[rule] == 0 {
			t.Errorf("rule %q was never broken", rule)
		}
	}
}

// What became of nodes, counted with what was done.
const (
	slashed  = "a node's stake was slashed"
	indebted = "a node's stakes are short of money"
	excused  = "a member was excused from a challenge"
	helping  = "a member was paid for helping"
	doubled  = "challenges drew more blobs"
	outside  = "a node in no committee was fined"
	governed = "a parameter changed"
)

var kindsOfActions = []string{
	"Transfer", "ReserveSpace", "SplitByEpoch", "SplitBySize", "Fuse", "TransferStorage", "RegisterBlob", "ReserveAndRegister", "CertifyBlob",
	"ExtendBlob", "ExtendWithStorage", "DeleteBlob", "TransferBlob", "SetAttributes", "InvalidateBlob", "AddSubsidy", "RegisterNode", "UpdateNode",
	"SetNextKey", "Vote", "SetCommission", "CollectCommission", "JoinActiveSet", "StakeWith", "SplitStake", "TransferStake", "RequestWithdrawal",
	"WithdrawStake", "ReportSynced", "VoteSlashing", "Slash", "TransferNode", "BurnBlob", "ShareBlob", "FundBlob", "AckChallenge", "PassChallenge", "DoubtChallenges",
	"Batch", "VoteParameters",
}

// blsKey is a key with its proof. They are made once: proofs take a while.
type blsKey struct {
	public [48]byte
	proof  [96]byte
	signer *committee.Signer
}

var blsKeys = sync.OnceValue(func() []blsKey {
	keys, hashes := make([]blsKey, 16), new(committee.HashCache)
	for i := range keys {
		seed := sha256.Sum256([]byte{byte(i), 1})
		secret := committee.DeriveSecretKey(seed[:])
		keys[i] = blsKey{secret.Public().Bytes(), secret.Prove(), committee.NewSigner(secret, hashes)}
	}
	return keys
})

// history is a ledger and its model.
type history struct {
	t       *testing.T
	random  *rand.Rand
	state   *ledger.State
	model   *model
	people  []ed25519.PrivateKey
	now     uint64
	applied int
	did     map[string]int
	broke   map[ledger.Rule]int

	objects []ledger.ObjectID // all that there ever were
	nodes   []ledger.NodeID
	blobs   []ledger.RegisterBlob // ids that exist
	signed  signatures
	dear    bool // nodes sell so much at such a price that costs do not fit into 64 bits
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{
		t: t, random: rand.New(rand.NewPCG(seed, 7)), now: 1000, did: make(map[string]int), broke: make(map[ledger.Rule]int),
		signed: newSignatures(), dear: seed%8 == 3,
	}
	g := ledger.Genesis{
		Name: "test", Shards: uint16(7 + h.random.IntN(30)), Scheme: uint8(commit.BLAKE3), Start: h.now, EpochMillis: 1000, SyncMillis: 300,
		MaxEpochsAhead: uint32(3 + h.random.IntN(8)), MinStake: 1000, MaxNodes: uint16(4 + h.random.IntN(3)), BurnRate: uint16(1 + h.random.IntN(1000)),
		BlockTarget: 6000, CheckpointMillis: ledgertest.NoCheckpoints,
	}
	if h.random.IntN(2) == 0 {
		g.StakeTolerance = uint16(h.random.IntN(apportion.MaxTolerance + 1))
	}
	if h.random.IntN(4) > 0 {
		g.Challenges = ledger.ChallengeRules{
			Mode: ledger.ChallengesLight + ledger.ChallengeMode(h.random.IntN(2)), Millis: 50 + h.number([]int{450, 2000}[h.random.IntN(2)]), Grace: 1 + h.number(300),
			Strikes: uint16(1 + h.random.IntN(5)/4), Penalty: uint16(1 + h.random.IntN(10_000)), FinesShared: uint16(h.random.IntN(10_001)),
		}
	}
	if h.random.IntN(3) > 0 {
		g.Migration = ledger.MigrationRules{Sender: uint16(h.random.IntN(5000)), Receiver: uint16(h.random.IntN(2000)), Helpers: uint16(h.random.IntN(10_001))}
	}
	for i := range 4 {
		key := ledgertest.Key(fmt.Sprint("person ", i))
		h.people = append(h.people, key)
		g.Balances = append(g.Balances, ledger.Balance{Account: ledgertest.Address(key), Amount: 1_000_000_000})
	}
	equal := h.random.IntN(3) == 0 // so that there are ties
	for i := range 4 {
		owner := ledgertest.Address(h.people[i])
		stake := uint64(1000 + h.random.IntN(3_000_000))
		if equal {
			stake = 1_000_000
		}
		g.Nodes = append(g.Nodes, ledger.GenesisNode{Owner: owner, Node: h.info(i, i, owner), Stake: stake})
	}
	var err error
	if h.state, err = ledger.Begin(g); err != nil {
		t.Fatal(err)
	}
	nodes, stakes := make(map[string]ledger.NodeID), make(map[ledger.NodeID]ledger.ObjectID)
	for id, n := range h.state.Nodes() {
		nodes[n.Info.Name] = id
		h.nodes = append(h.nodes, id)
	}
	for key, value := range h.state.Snapshot() {
		if key[0] == ledger.StakeKey(ledger.ObjectID{})[0] {
			var s ledger.Stake
			if err := ledger.Read(value, &s); err != nil {
				t.Fatal(err)
			}
			stakes[s.Node] = ledger.ObjectID(key[1:])
			h.objects = append(h.objects, ledger.ObjectID(key[1:]))
		}
	}
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		b := ledger.RegisterBlob{Root: sha256.Sum256([]byte{byte(i)}), Length: uint64(h.random.IntN(3 << 20)), Encoding: 1}
		b.ID = hasher.BlobID(int(g.Shards), b.Length, b.Root)
		h.blobs = append(h.blobs, b)
	}
	h.model = newModel(h.state.Genesis(), nodes, stakes)
	h.compare()
	return h
}

// info returns what a node says of itself, with some numbers of a name and a key.
func (h *history) info(name, key int, owner ledger.Address) ledger.NodeInfo {
	tls := ledgertest.Key(fmt.Sprint("tls ", name))
	k := blsKeys()[key]
	return ledger.NodeInfo{
		Name: fmt.Sprint("node-", name), Address: fmt.Sprint("host-", name, ":7100"), PublicKey: k.public, Possession: k.proof,
		TLSKey: ledgertest.Address(tls), TLSProof: ledger.ProveTLSKey(tls, owner), Votes: h.votes(), Commission: uint16(h.random.IntN(10_001)),
	}
}

func (h *history) votes() ledger.Votes {
	v := ledger.Votes{StoragePrice: h.number(300), WritePrice: h.number(100), Capacity: 1<<25 + h.number(1<<26)}
	if h.random.IntN(20) == 0 {
		v.Capacity, v.StoragePrice = h.random.Uint64(), 1<<50
	}
	if h.dear {
		v.Capacity, v.StoragePrice = 1<<64-1, 1<<50
	}
	return v
}

func (h *history) number(below int) uint64 { return uint64(h.random.IntN(below)) }

// amount returns an amount that may be too much.
func (h *history) amount(usual int) uint64 {
	switch h.random.IntN(30) {
	case 0:
		return 0
	case 1:
		return h.random.Uint64()
	case 2:
		return 1<<64 - 1 - h.number(3)
	}
	return h.number(usual)
}

func (h *history) compare() {
	h.t.Helper()
	if err := h.model.compare(h.state); err != nil {
		h.t.Fatalf("height %d, after %d transactions: %v", h.state.System().Height, h.applied, err)
	}
}

// sent is a transaction of a block.
type sent struct {
	sender ledger.Address
	nonce  uint64
	fee    uint64 // a byte
	action ledger.Action
	data   []byte
}

// block applies a block to both.
func (h *history) block() {
	h.t.Helper()
	if h.random.IntN(3) > 0 {
		h.now += h.number(400)
	}
	if h.random.IntN(60) == 0 {
		h.now += 1500
	}
	var all []sent
	var data [][]byte
	size := 0
	ahead := make(map[ledger.Address]uint64)
	for range h.random.IntN(30) {
		s := h.send(ahead)
		all, data = append(all, s), append(data, s.data)
	}
	next, out, err := h.state.Apply(ledger.Block{Height: h.state.System().Height + 1, Time: h.now, Txs: data})
	if err != nil {
		h.t.Fatal(err)
	}
	h.state = next
	h.model.tick(h.now)
	h.signed.look(h.model)
	for i, s := range all {
		h.applied++
		if h.judge(s, out.Results[i]) {
			size += len(s.data)
		}
	}
	h.model.endBlock(size)
	h.compare()
}

// judge compares what became of a transaction.
func (h *history) judge(s sent, got ledger.Result) (paid bool) {
	h.t.Helper()
	want := h.model.admit(s.sender, s.nonce, s.fee, len(s.data))
	if len(want) > 0 {
		h.verdict(s.action, got.Err, want)
		return false
	}
	h.model.charge(s.sender, len(s.data))
	batch, ok := s.action.(modelBatch)
	if !ok {
		h.judgeAction(s.sender, s.action, got.Digest, 0, got.Err)
		return true
	}
	h.verdict(batch, got.Err, nil)
	refused := make([]error, len(batch.parts))
	for _, e := range got.Events {
		if e, ok := e.(ledger.ActionRefused); ok {
			refused[e.Index] = e.Err()
		}
	}
	for i, a := range batch.parts {
		h.judgeAction(s.sender, a, got.Digest, ledger.BatchObject(i), refused[i])
	}
	h.did["Batch"]++
	return true
}

// judgeAction compares what became of an action that was paid for, whose objects have
// indices from the first on.
func (h *history) judgeAction(sender ledger.Address, a ledger.Action, tx ledger.TxDigest, first uint64, got error) {
	h.t.Helper()
	nodes := len(h.model.nodes)
	want := h.model.do(sender, a, func(i int) ledger.ObjectID {
		id := ledger.ObjectIDOf(tx, first+uint64(i))
		h.objects = append(h.objects, id)
		return id
	})
	if len(h.model.nodes) > nodes {
		h.nodes = append(h.nodes, ledger.NodeID(ledger.ObjectIDOf(tx, first)))
	}
	if !h.verdict(a, got, want) {
		return
	}
	if a, ok := a.(modelCertify); ok {
		if err := h.signed.check(a, h.model); err != nil {
			h.t.Fatalf("transaction %d in epoch %d, %+v: %v", h.applied, h.model.epoch, a, err)
		}
	}
	h.signed.look(h.model)
	h.did[reflect.TypeOf(bare(a)).Name()]++
}

// verdict compares why an action was refused with the rules that it breaks, and reports
// whether it was done.
func (h *history) verdict(a ledger.Action, got error, want rules) bool {
	h.t.Helper()
	rule := ledger.RuleOf(got)
	if (got == nil) != (len(want) == 0) || got != nil && !want[rule] {
		h.t.Fatalf("transaction %d in epoch %d, %T %+v: %v, want one of %v", h.applied, h.model.epoch, a, a, got, want)
	}
	if got != nil {
		h.broke[rule]++
	}
	return got == nil
}

// bare returns the action as the ledger knows it.
func bare(a ledger.Action) ledger.Action {
	switch a := a.(type) {
	case modelCertify:
		return a.CertifyBlob
	case modelInvalidate:
		return a.InvalidateBlob
	case modelKey:
		return a.Action
	case modelAck:
		return a.AckChallenge
	case modelPass:
		return a.PassChallenge
	case modelBatch:
		return a.Batch
	}
	return a
}

// send makes a transaction of somebody, most of the time one that is in order.
func (h *history) send(ahead map[ledger.Address]uint64) sent {
	h.t.Helper()
	key := pick(h, h.people)
	s := sent{sender: ledgertest.Address(key), fee: h.model.fee + 1<<20}
	for range 1 + h.random.IntN(6) {
		s.action = h.action(s.sender)
		broken := make(rules)
		if h.model.action(s.sender, s.action, nil, broken); len(broken) == 0 {
			break
		}
	}
	s.nonce = h.model.account(s.sender).nonce + ahead[s.sender]
	switch h.random.IntN(100) {
	case 0:
		s.nonce += h.number(3) - 1
	case 1:
		s.fee = h.model.fee - 1
	}
	var err error
	if s.data, err = (ledger.Tx{Chain: h.state.ChainID(), Nonce: s.nonce, FeePerByte: s.fee, Action: bare(s.action)}).Sign(key); err != nil {
		h.t.Fatal(err)
	}
	if s.nonce == h.model.account(s.sender).nonce+ahead[s.sender] && s.fee >= h.model.fee {
		ahead[s.sender]++
	}
	return s
}

func pick[T any](h *history, from []T) T { return from[h.random.IntN(len(from))] }

// mine returns an object of a kind that is the sender's most of the time, or any other
// one.
func mine[T any](h *history, of map[ledger.ObjectID]*T, good func(*T) bool) ledger.ObjectID {
	if h.random.IntN(12) == 0 {
		return pick(h, h.objects)
	}
	var ids []ledger.ObjectID
	for id, v := range of {
		if good(v) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return pick(h, h.objects)
	}
	// The order of a map differs each time, and a seed must not.
	slices.SortFunc(ids, func(a, b ledger.ObjectID) int { return bytes.Compare(a[:], b[:]) })
	return pick(h, ids)
}

func (h *history) storage(sender ledger.Address, good func(*ledger.Storage) bool) ledger.ObjectID {
	return mine(h, h.model.storages, func(s *ledger.Storage) bool { return s.Owner == sender && good(s) })
}

func (h *history) blob(good func(*ledger.Blob) bool) ledger.ObjectID {
	return mine(h, h.model.blobs, good)
}

func (h *history) stake(sender ledger.Address, good func(*ledger.Stake) bool) ledger.ObjectID {
	return mine(h, h.model.stakes, func(s *ledger.Stake) bool { return s.Owner == sender && good(s) })
}

// node returns a node that the sender governs most of the time.
func (h *history) node(sender ledger.Address) ledger.NodeID {
	if h.random.IntN(10) == 0 {
		return pick(h, h.nodes)
	}
	for range 20 {
		if id := pick(h, h.nodes); h.model.nodes[id].owner == sender {
			return id
		}
	}
	return ledger.NodeID(pick(h, h.objects))
}
