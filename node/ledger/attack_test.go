package ledger

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"

	"github.com/redstuff-go/redstuff/node/committee"
)

// stage is a ledger in which each action has something to do.
type stage struct {
	*world
	alice, owner  ed25519.PrivateKey
	valid         []Action // one of each kind, in the order of actions; alice's, or the owner's of a node
	validOwner    map[reflect.Type]bool
	openSignature SignCheckpoint
}

// newStage returns the stage.
func newStage(t *testing.T) *stage {
	t.Helper()
	w := newWorldWith(t, func(g *Genesis) { g.Challenges = ChallengeRules{Mode: ChallengesLight, Millis: 500} })
	s := &stage{world: w, alice: w.people[0], owner: w.members[0].owner}
	alice, m, other := s.alice, w.members[0], w.members[1]
	a, b, c, d := w.blob("a", 1000), w.blob("b", 1000), w.blob("c", 1000), w.blob("d", 1000)
	size, err := w.state.Genesis().params().EncodedLength(1000)
	if err != nil {
		t.Fatal(err)
	}
	w.do(alice, AddSubsidy{1_000_000, 1})
	stakes := []ObjectID{w.do(alice, StakeWith{m.id, 50_000}), w.do(alice, StakeWith{m.id, 50_000})}
	w.nextEpoch()
	w.do(alice, RequestWithdrawal{stakes[1]})
	registered := w.register(alice, a, 3, true)
	certified := w.register(alice, b, 3, true)
	w.do(alice, CertifyBlob{certified, w.certificate(storedAs(b, certified), 0, 1, 2)})
	w.nextEpoch()
	w.pass(testEpoch / 2) // so that commission is free, and a handover is open
	w.pass(0)
	shared := w.register(alice, c, 3, false)
	w.do(alice, ShareBlob{shared})
	extension := w.do(alice, ReserveSpace{size, 5, 6})
	room := []ObjectID{w.do(alice, ReserveSpace{size, 0, 6}), w.do(alice, ReserveSpace{size, 0, 6}), w.do(alice, ReserveSpace{size, 0, 6})}
	for i := range 3 {
		w.do(w.members[i].owner, VoteSlashing{w.members[i].id, other.id})
	}
	epoch := w.state.System().Epoch
	invalid := committee.Attestation{Kind: committee.Inconsistent, Blob: d.id}
	fresh := newMember(7)
	fresh.info.TLSProof = ProveTLSKey(fresh.tls, addressOf(s.alice))
	s.openSignature = w.signature(0, epoch, w.open(epoch).Checkpoint)
	s.valid = []Action{
		Transfer{addressOf(s.owner), 100},
		ReserveSpace{size, epoch, epoch + 2},
		SplitByEpoch{room[0], 5},
		SplitBySize{room[0], 100},
		Fuse{room[0], room[1]},
		TransferStorage{room[2], addressOf(s.owner)},
		RegisterBlob{room[2], a.id, a.root, a.length, encodingRS2, true},
		ReserveAndRegister{2, a.id, a.root, a.length, encodingRS2, true},
		CertifyBlob{registered, w.certificate(storedAs(a, registered), 0, 1, 2)},
		ExtendBlob{certified, 1},
		ExtendWithStorage{certified, extension},
		DeleteBlob{certified},
		TransferBlob{certified, addressOf(s.owner)},
		SetAttributes{certified, []Attribute{{"a", "b"}}},
		InvalidateBlob{d.id, w.certificate(invalid, 0, 1)},
		AddSubsidy{1000, 2},
		RegisterNode{fresh.info},
		UpdateNode{m.id, "other", "other.example.org:7100", addressOf(fresh.tls), ProveTLSKey(fresh.tls, addressOf(s.owner))},
		SetNextKey{m.id, memberKeys[9].Public().Bytes(), memberKeys[9].Prove()},
		Vote{m.id, Votes{1, 2, 3}},
		SetCommission{m.id, 500},
		CollectCommission{m.id},
		JoinActiveSet{m.id},
		StakeWith{m.id, 5000},
		SplitStake{stakes[0], 20_000},
		TransferStake{stakes[0], addressOf(s.owner)},
		RequestWithdrawal{stakes[0]},
		WithdrawStake{stakes[1]},
		ReportSynced{Node: m.id, Epoch: epoch},
		VoteSlashing{m.id, w.members[2].id},
		Slash{other.id},
		s.openSignature,
		BurnBlob{certified},
		ShareBlob{certified},
		FundBlob{shared, 1000},
		TransferNode{m.id, addressOf(s.alice)},
		w.ack(0, oneBlob),
		s.runningWorld().passOf(0, 0, 1, 2),
		DoubtChallenges{m.id, epoch},
		BatchOf(Transfer{addressOf(s.owner), 100}, SetAttributes{certified, []Attribute{{"a", "b"}}}),
		VoteParameters{m.id, []ParameterVote{{uint8(ParameterPenalty), 500}}},
	}
	if len(s.valid) != len(actions) {
		t.Fatalf("%d actions are on the stage, want %d", len(s.valid), len(actions))
	}
	s.validOwner = make(map[reflect.Type]bool)
	for _, a := range []Action{UpdateNode{}, TransferNode{}, SetNextKey{}, Vote{}, SetCommission{}, CollectCommission{}, ReportSynced{}, VoteSlashing{}, DoubtChallenges{}, VoteParameters{}} {
		s.validOwner[reflect.TypeOf(a)] = true
	}
	return s
}

// sender returns who may do an action.
func (s *stage) sender(a Action) ed25519.PrivateKey {
	if s.validOwner[reflect.TypeOf(a)] {
		return s.owner
	}
	return s.alice
}

// attempt applies an action to the stage, and leaves the stage as it was.
func (s *stage) attempt(key ed25519.PrivateKey, a Action) (Result, *world) {
	s.t.Helper()
	w := *s.world
	r, _ := w.try(key, a)
	return r, &w
}

// ready brings the stage to where an action can be done.
func (s *stage) ready(a Action) {
	s.t.Helper()
	switch a.(type) {
	case SetNextKey: // not while a committee is selected
		s.now += testEpoch / 2
		s.pass(0)
	case PassChallenge: // when the challenge runs
		s.world = s.runningWorld()
	case DoubtChallenges: // when the challenge was passed
		s.world = s.passedWorld()
	case ReportSynced: // once an epoch, and the stage has reported
		s.now += testEpoch / 2
		s.pass(0)
	}
}

// readied returns a stage that is ready for the action, which may be changed for it.
func readied(t *testing.T, s *stage, a Action) (*stage, Action) {
	copied, w := *s, *s.world
	copied.world = &w
	copied.ready(a)
	if r, ok := a.(ReportSynced); ok {
		r.Epoch = w.state.System().Epoch
		a = r
	}
	return &copied, a
}

// TestStage: each action is on the stage in its place, and can be done.
func TestStage(t *testing.T) {
	s := newStage(t)
	for i, a := range s.valid {
		if reflect.TypeOf(a) != actions[i] {
			t.Errorf("action %d is a %T, want %v", i, a, actions[i])
		}
		at, a := readied(t, s, a)
		if r, w := at.attempt(at.sender(a), a); r.Err != nil {
			t.Errorf("%T: %v", a, r.Err)
		} else if _, burns := a.(BurnBlob); !burns {
			w.checkInvariants()
		}
	}
}

// TestReplay: no transaction counts twice, or in another ledger.
func TestReplay(t *testing.T) {
	s := newStage(t)
	other := newWorld(t)
	g := other.state.Genesis()
	g.Name = "other"
	foreign, err := Begin(g)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range s.valid {
		at, a := readied(t, s, a)
		tx := at.sign(at.sender(a), a)
		out := at.block(tx, tx)
		if out.Results[0].Err != nil || RuleOf(out.Results[1].Err) != RuleNonce {
			t.Errorf("%T twice in a block: %v and %v, want none and rule %q", a, out.Results[0].Err, out.Results[1].Err, RuleNonce)
		}
		before := at.balance(at.sender(a))
		if r := at.block(tx).Results[0]; RuleOf(r.Err) != RuleNonce || at.balance(at.sender(a)) != before {
			t.Errorf("%T replayed: %v, and %d are gone; want rule %q", a, r.Err, before-at.balance(at.sender(a)), RuleNonce)
		}
		if err := foreign.Check(tx, 0); RuleOf(err) != RuleChain {
			t.Errorf("%T in another ledger: %v, want rule %q", a, err, RuleChain)
		}
		if _, out, err := foreign.Apply(Block{Height: 1, Time: testStart, Txs: [][]byte{tx}}); err != nil || RuleOf(out.Results[0].Err) != RuleChain {
			t.Errorf("%T in another ledger: %v (%v), want rule %q", a, out.Results, err, RuleChain)
		}
	}
}

// TestStolen: nobody does anything with what is somebody else's.
func TestStolen(t *testing.T) {
	s := newStage(t)
	// What everybody may do: it costs the sender, or proves by itself that it may be done.
	everybody := map[reflect.Type]bool{}
	for _, a := range []Action{
		Transfer{}, ReserveSpace{}, ReserveAndRegister{}, CertifyBlob{}, InvalidateBlob{}, AddSubsidy{}, JoinActiveSet{}, StakeWith{}, Slash{},
		SignCheckpoint{}, FundBlob{}, AckChallenge{}, PassChallenge{},
		Batch{}, // each action of which is judged for itself
	} {
		everybody[reflect.TypeOf(a)] = true
	}
	thief := s.people[2]
	for _, a := range s.valid {
		want := RuleOwner
		switch a.(type) {
		case RegisterNode: // with another one's TLS key
			want = RuleKey
		}
		if everybody[reflect.TypeOf(a)] {
			want = ""
		}
		at, a := readied(t, s, a)
		if r, _ := at.attempt(thief, a); RuleOf(r.Err) != want {
			t.Errorf("%T: %v, want rule %q", a, r.Err, want)
		}
		if _, nested := a.(Batch); nested {
			continue
		}
		if got := at.inBatch(thief, a); RuleOf(got) != want {
			t.Errorf("%T in a batch: %v, want rule %q", a, got, want)
		}
	}
}

// inBatch returns why an action is refused in a batch.
func (s *stage) inBatch(key ed25519.PrivateKey, a Action) error {
	s.t.Helper()
	r, _ := s.attempt(key, BatchOf(a))
	for _, e := range r.Events {
		if e, ok := e.(ActionRefused); ok {
			return e.Err()
		}
	}
	return r.Err
}

// extremes are values at which sums, products and conversions go wrong.
func extremes(bits int) []uint64 {
	most := uint64(math.MaxUint64) >> (64 - bits)
	return []uint64{0, 1, most, most - 1, most/2 + 1, most / 2, most / 3, most >> 20, 1 << (bits - 1)}
}

// integers calls f with each integer of a value, and its path.
func integers(path string, v reflect.Value, f func(path string, field reflect.Value)) {
	switch v.Kind() {
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		f(path, v)
	case reflect.Uint8:
		if v.Type() == reflect.TypeFor[uint8]() {
			f(path, v)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if kind := v.Field(i).Kind(); kind != reflect.Array && kind != reflect.Slice {
				integers(path+"."+v.Type().Field(i).Name, v.Field(i), f)
			}
		}
	}
}

// TestOverflow: no integer of any action makes or loses money, or has the ledger count
// what is not there: neither at once nor in the epochs that follow.
func TestOverflow(t *testing.T) {
	s := newStage(t)
	// What the largest value of each integer breaks.
	largest := map[string]Rule{
		"Transfer.Amount": RuleFunds, "ReserveSpace.Size": RuleFunds, "ReserveSpace.Start": RuleEpochs, "ReserveSpace.End": RuleEpochs,
		"SplitByEpoch.Epoch": RuleEpochs, "SplitBySize.Size": RuleAmount, "RegisterBlob.Length": RuleSize, "RegisterBlob.Encoding": RuleBlobID,
		"ReserveAndRegister.Epochs": RuleEpochs, "ReserveAndRegister.Length": RuleSize, "ReserveAndRegister.Encoding": RuleBlobID,
		"ExtendBlob.Epochs": RuleEpochs, "AddSubsidy.Amount": RuleFunds, "AddSubsidy.Epochs": RuleEpochs,
		"RegisterNode.Node.Votes.StoragePrice": "", "RegisterNode.Node.Votes.WritePrice": "", "RegisterNode.Node.Votes.Capacity": "",
		"RegisterNode.Node.Commission": RuleRate, "Vote.Votes.StoragePrice": "", "Vote.Votes.WritePrice": "", "Vote.Votes.Capacity": "",
		"SetCommission.Rate": RuleRate, "StakeWith.Amount": RuleFunds, "SplitStake.Amount": RuleAmount, "ReportSynced.Epoch": RuleEpoch, "DoubtChallenges.Epoch": RuleEpoch,
		"SignCheckpoint.Epoch": RuleUnknown, "SignCheckpoint.Height": RuleUnknown, "FundBlob.Amount": RuleFunds,
		"AckChallenge.Height": RuleUnknown, "AckChallenge.List.Blobs": RuleProof, "PassChallenge.Height": RuleUnknown,
	}
	seen := make(map[string]bool)
	for _, a := range s.valid {
		at, a := readied(t, s, a)
		original := reflect.New(reflect.TypeOf(a)).Elem()
		original.Set(reflect.ValueOf(a))
		integers(reflect.TypeOf(a).Name(), original, func(path string, field reflect.Value) {
			seen[path] = true
			before := field.Uint()
			defer field.SetUint(before)
			for i, value := range extremes(field.Type().Bits()) {
				field.SetUint(value)
				changed := original.Interface().(Action)
				r, w := at.attempt(at.sender(a), changed)
				if want, known := largest[path]; i == 2 && (!known || RuleOf(r.Err) != want) {
					t.Errorf("%s = %d: %v, want rule %q", path, value, r.Err, want)
				}
				if r.Err != nil && RuleOf(r.Err) == "" {
					t.Errorf("%s = %d: %v breaks no rule", path, value, r.Err)
				}
				if r.Err == nil { // or else all is as it was, but for the fee
					w.afterwards(fmt.Sprintf("%s = %d", path, value))
				} else if m := w.state.Money(); m.Sum() != m.Minted {
					t.Errorf("%s = %d: there is %d of money, and %d was minted: %+v", path, value, m.Sum(), m.Minted, m)
				}
			}
		})
	}
	for path := range largest {
		if !seen[path] {
			t.Errorf("there is no %s", path)
		}
	}
}

// afterwards has the ledger go on for two epochs in which everything is bought.
func (w *world) afterwards(what string) {
	w.t.Helper()
	money := func() {
		w.t.Helper()
		if m := w.state.Money(); m.Sum() != m.Minted {
			w.t.Fatalf("%s: there is %d of money, and %d was minted: %+v", what, m.Sum(), m.Minted, m)
		}
	}
	money()
	rich := w.people[1]
	for range 2 {
		epoch := w.state.System().Epoch
		for _, a := range []Action{
			ReserveSpace{1 << 20, epoch, epoch + 8}, ReserveSpace{math.MaxUint64, epoch, epoch + 1}, ReserveSpace{1 << 63, epoch, epoch + 8},
			ReserveAndRegister{1, w.blob("z", 1000).id, w.blob("z", 1000).root, 1000, encodingRS2, true},
		} {
			if r, _ := w.try(rich, a); r.Err != nil && RuleOf(r.Err) == "" {
				w.t.Fatalf("%s: then %+v breaks no rule: %v", what, a, r.Err)
			}
		}
		w.pass(testEpoch)
		w.pass(testEpoch)
		money()
	}
}

// TestCertificateAttacks: nothing but a quorum of the committee of the epoch certifies a
// blob.
func TestCertificateAttacks(t *testing.T) {
	for name, deletable := range map[string]bool{"permanent": false, "deletable": true} {
		t.Run(name, func(t *testing.T) { attackCertificates(t, deletable) })
	}
}

func attackCertificates(t *testing.T, deletable bool) {
	w := newWorld(t)
	alice := w.people[0]
	a, b := w.blob("a", 1000), w.blob("b", 1000)
	id, second := w.register(alice, a, 6, deletable), w.register(alice, a, 6, true)
	right, wrong, otherKind := stored(a), stored(b), storedAs(a, id)
	if deletable {
		right, wrong, otherKind = storedAs(a, id), storedAs(b, id), stored(a)
	}
	old := w.certificate(right, 0, 1, 2, 3)
	w.nextEpoch()
	good := w.certificate(right, 0, 1, 2)
	bitmap := len(good) - committee.SignatureSize - 1
	// The committee of another network, with the same epoch, members and keys.
	g := w.state.Genesis()
	g.Name = "other"
	other, err := w.committee().Committee(&g, w.state.System().Epoch)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(c *committee.Committee, a committee.Attestation, members ...int) []byte {
		t.Helper()
		signatures := make(map[int]committee.Signature)
		for _, i := range members {
			at, _ := c.FindName(w.members[i].info.Name)
			signatures[at] = committee.NewSigner(w.members[i].key, nil).Attest(c, a)
		}
		cert, err := c.Certify(a, signatures)
		if err != nil {
			t.Fatal(err)
		}
		data, err := cert.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	future, err := w.committee().Committee(w.state.genesis, w.state.System().Epoch+1)
	if err != nil {
		t.Fatal(err)
	}
	type attack struct {
		name string
		cert []byte
		want Rule
	}
	attacks := []attack{
		{"of the last epoch", old, RuleEpoch},
		{"of the next epoch", sign(future, right, 0, 1, 2, 3), RuleEpoch},
		{"of another network's committee", sign(other, right, 0, 1, 2, 3), RuleProof},
		{"of another blob", w.certificate(wrong, 0, 1, 2, 3), RuleProof},
		{"of the other kind of registration", w.certificate(otherKind, 0, 1, 2, 3), RuleProof},
		{"of another registration", w.certificate(storedAs(a, second), 0, 1, 2, 3), RuleProof},
		{"of no registration at all", w.certificate(storedAs(a, ObjectID{}), 0, 1, 2, 3), RuleProof},
		{"that the blob is inconsistent", w.certificate(committee.Attestation{Kind: committee.Inconsistent, Blob: a.id}, 0, 1), RuleProof},
		{"of a checkpoint", w.certificate(committee.Attestation{Kind: committee.Checkpoint, Blob: a.id}, 0, 1, 2), RuleProof},
		{"with a byte more", append(bytes.Clone(good), 0), RuleProof},
		{"without its signature", good[:bitmap+1], RuleProof},
		{"of nothing", nil, RuleProof},
	}
	for signers := range 256 { // all bitmaps but the right one
		if forged := bytes.Clone(good); byte(signers) != good[bitmap] {
			forged[bitmap] = byte(signers)
			attacks = append(attacks, attack{fmt.Sprintf("with the bitmap %08b", signers), forged, RuleProof})
		}
	}
	for at := range good {
		forged := bytes.Clone(good)
		forged[at] ^= 1
		want := RuleProof
		if at >= 1 && at < 9 {
			want = RuleEpoch
		}
		attacks = append(attacks, attack{fmt.Sprint("with another byte ", at), forged, want})
	}
	for _, test := range attacks {
		next := *w
		if r, _ := next.try(alice, CertifyBlob{id, test.cert}); RuleOf(r.Err) != test.want {
			t.Errorf("certificate %s: %v, want rule %q", test.name, r.Err, test.want)
		}
		if Get[Blob](next.state, BlobKey(id)).Certified != nil {
			t.Errorf("certificate %s: the blob is certified", test.name)
		}
	}
	w.do(w.people[1], CertifyBlob{id, good})
	if r, _ := w.try(alice, CertifyBlob{id, good}); RuleOf(r.Err) != RuleCertified {
		t.Errorf("certified twice: %v, want rule %q", r.Err, RuleCertified)
	}
}

// TestRogueKey: a key that is made of others', so that its owner could sign for all of
// them, has no proof.
func TestRogueKey(t *testing.T) {
	w := newWorld(t)
	mine := memberKeys[8]
	sum := bls.G1Jac{}
	var point bls.G1Affine
	add := func(data [48]byte, negative bool) {
		if _, err := point.SetBytes(data[:]); err != nil {
			t.Fatal(err)
		}
		if negative {
			point.Neg(&point)
		}
		sum.AddMixed(&point)
	}
	add(mine.Public().Bytes(), false)
	for _, m := range w.members {
		add(m.key.Public().Bytes(), true)
	}
	var rogue bls.G1Affine
	rogue.FromJacobian(&sum)
	info := newMember(8).info
	info.TLSProof = ProveTLSKey(personKey("tls 8"), addressOf(w.people[0]))
	info.PublicKey = rogue.Bytes()
	if r, _ := w.try(w.people[0], RegisterNode{info}); RuleOf(r.Err) != RuleKey {
		t.Errorf("a rogue key: %v, want rule %q", r.Err, RuleKey)
	}
	m := w.members[0]
	if r, _ := w.try(m.owner, SetNextKey{m.id, rogue.Bytes(), mine.Prove()}); RuleOf(r.Err) != RuleKey {
		t.Errorf("a rogue next key: %v, want rule %q", r.Err, RuleKey)
	}
}

// TestNoTLSKey: anybody can sign for the key of zeros, and no committee takes it.
func TestNoTLSKey(t *testing.T) {
	w := newWorld(t)
	info := newMember(8).info
	info.TLSKey = [32]byte{}
	message := tlsProofMessage(addressOf(w.people[0]))
	// With S = 0 and a point R of small order the equation holds for one key in a few.
	for y := range 256 {
		info.TLSProof = [64]byte{byte(y)}
		if ed25519.Verify(info.TLSKey[:], message, info.TLSProof[:]) {
			break
		}
	}
	if r, _ := w.try(w.people[0], RegisterNode{info}); RuleOf(r.Err) != RuleKey {
		t.Errorf("no TLS key: %v, want rule %q", r.Err, RuleKey)
	}
}

// TestSameNextKey: who rotates to the key it has keeps it, and nobody else gets it.
func TestSameNextKey(t *testing.T) {
	w := newWorld(t)
	m := w.members[0]
	claim := func(i int) Rule {
		info := newMember(8 + i).info
		info.TLSProof = ProveTLSKey(personKey(fmt.Sprint("tls ", 8+i)), addressOf(w.people[i]))
		info.PublicKey, info.Possession = m.info.PublicKey, m.info.Possession
		r, _ := w.try(w.people[i], RegisterNode{info})
		return RuleOf(r.Err)
	}
	w.do(m.owner, SetNextKey{m.id, m.info.PublicKey, m.info.Possession})
	w.nextEpoch()
	if got := claim(0); got != RuleKey {
		t.Errorf("the key of who rotated to it: rule %q, want %q", got, RuleKey)
	}
	w.do(m.owner, SetNextKey{m.id, m.info.PublicKey, m.info.Possession})
	w.do(m.owner, SetNextKey{m.id, memberKeys[9].Public().Bytes(), memberKeys[9].Prove()})
	if got := claim(1); got != RuleKey {
		t.Errorf("the key of who thought better of rotating to it: rule %q, want %q", got, RuleKey)
	}
}

// TestMalformed: no part of a transaction is one, nor is one with more.
func TestMalformed(t *testing.T) {
	s := newStage(t)
	for _, a := range s.valid {
		tx := s.sign(s.alice, a)
		body := tx[:len(tx)-ed25519.SignatureSize]
		resign := func(body []byte) []byte {
			return append(bytes.Clone(body), ed25519.Sign(s.alice, append([]byte(signedPrefix), body...))...)
		}
		for cut := range body { // signatures are looked at last
			if _, err := ParseTx(append(bytes.Clone(body[:cut]), tx[len(body):]...)); RuleOf(err) != RuleMalformed {
				t.Fatalf("%T cut to %d of %d bytes: %v, want rule %q", a, cut, len(body), err, RuleMalformed)
			}
		}
		if _, err := ParseTx(resign(append(bytes.Clone(body), 0))); RuleOf(err) != RuleMalformed {
			t.Errorf("%T with a byte more: %v, want rule %q", a, err, RuleMalformed)
		}
		if got, err := ParseTx(resign(body)); err != nil || !reflect.DeepEqual(got.Action, a) {
			t.Errorf("%T whole: %+v (%v)", a, got, err)
		}
	}
}

// TestSnapshots: what is no state of a ledger is not restored, and says why.
func TestSnapshots(t *testing.T) {
	s := newStage(t)
	type pair struct{ key, value []byte }
	var good []pair
	kinds := make(map[byte]bool)
	for k, v := range s.state.Snapshot() {
		good = append(good, pair{k, v})
		kinds[k[0]] = true
	}
	s.do(s.people[1], s.valid[14]) // there is an invalid blob
	for k := range s.state.Snapshot() {
		kinds[k[0]] = true
	}
	for _, a := range s.valid { // which may leave something of a kind behind
		switch a.(type) {
		case DoubtChallenges, VoteParameters:
			at, a := readied(t, s, a)
			at.do(at.owner, a)
			for k := range at.state.Snapshot() {
				kinds[k[0]] = true
			}
		}
	}
	for _, kind := range []byte{kindDoubt, kindBallot} {
		if !kinds[kind] {
			t.Errorf("nothing of kind %q is on any stage", kind)
		}
	}
	for kind := range kinds {
		if _, known := forms[kind]; !known {
			t.Errorf("kind %q has no form", kind)
		}
	}
	restore := func(pairs []pair) error {
		_, err := Restore(*s.state.genesis, func(yield func(k, v []byte) bool) {
			for _, p := range pairs {
				if !yield(p.key, p.value) {
					return
				}
			}
		})
		return err
	}
	if err := restore(good); err != nil {
		t.Fatal(err)
	}
	for i, p := range good {
		change := func(key, value []byte) []pair {
			bad := slices.Clone(good)
			bad[i] = pair{key, value}
			return bad
		}
		tests := map[string][]pair{
			"with a byte more": change(p.key, append(bytes.Clone(p.value), 0)),
			"of another kind":  change(append([]byte{'?'}, p.key[1:]...), p.value),
			"twice":            slices.Insert(slices.Clone(good), i, p),
		}
		if p.key[0] != kindClaim {
			tests["with a longer key"] = change(append(bytes.Clone(p.key), 0), p.value)
		}
		if len(p.value) > 0 {
			tests["cut"] = change(p.key, p.value[:len(p.value)-1])
		}
		for name, bad := range tests {
			if err := restore(bad); !isSnapshot(err) {
				t.Errorf("the pair of %q %s: error %v, want ErrSnapshot", p.key, name, err)
			}
		}
	}
	if err := restore(nil); !isSnapshot(err) {
		t.Errorf("nothing: error %v, want ErrSnapshot", err)
	}
	if err := restore([]pair{{nil, nil}}); !isSnapshot(err) {
		t.Errorf("an empty key: error %v, want ErrSnapshot", err)
	}
}

// TestBatches: of certificates in one block each is judged by itself, whatever others
// there are, and those of a block as those of many.
func TestBatches(t *testing.T) {
	w := newWorld(t)
	alice := w.people[0]
	var objects []ObjectID
	var certs [][]byte
	want := []Rule{"", RuleProof, "", RuleProof, RuleEpoch, "", RuleProof, RuleNonce, ""}
	for i, rule := range want {
		b := w.blob(fmt.Sprint("blob ", i), 1000)
		objects = append(objects, w.register(alice, b, 6, false))
		cert := w.certificate(stored(b), 0, 1, 2, i%4)
		switch {
		case rule == RuleEpoch:
			cert[1] ^= 1
		case rule == RuleProof && i == 1: // forged
			cert[len(cert)-1] ^= 1
		case rule == RuleProof && i == 3: // another blob's
			cert = certs[2]
		case rule == RuleProof: // rubbish
			cert = []byte("rubbish")
		}
		certs = append(certs, cert)
	}
	alone := *w
	var txs [][]byte
	nonce := w.nonce(alice)
	for i := range want {
		tx := Tx{Chain: w.state.ChainID(), Nonce: nonce, FeePerByte: 100, Action: CertifyBlob{objects[i], certs[i]}}
		if want[i] == RuleNonce {
			tx.Nonce += 1000
		} else {
			nonce++
		}
		data, err := tx.Sign(alice)
		if err != nil {
			t.Fatal(err)
		}
		txs = append(txs, data)
	}
	for i, r := range w.block(txs...).Results {
		if RuleOf(r.Err) != want[i] {
			t.Errorf("certificate %d: %v, want rule %q", i, r.Err, want[i])
		}
		if got := alone.block(txs[i]).Results[0]; RuleOf(got.Err) != want[i] {
			t.Errorf("certificate %d in a block of its own: %v, want rule %q", i, got.Err, want[i])
		}
	}
	w.checkInvariants()
}
