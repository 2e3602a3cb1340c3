package ledger

import (
	"reflect"
	"slices"
	"testing"

	"github.com/redstuff-go/redstuff/node/ledger/apportion"
)

// join registers a new member, who stakes.
func (w *world) join(stake uint64) *member {
	w.t.Helper()
	m := newMember(len(w.members))
	w.do(w.people[0], Transfer{addressOf(m.owner), stake + 10_000_000})
	m.id = NodeID(w.do(m.owner, RegisterNode{m.info}))
	w.do(m.owner, StakeWith{m.id, stake})
	w.members = append(w.members, m)
	return m
}

func TestEpochs(t *testing.T) {
	w := newWorld(t)
	alice := w.people[0]
	w.do(alice, AddSubsidy{40_000, 1})
	w.do(alice, ReserveSpace{1 << 20, 0, 2}) // 100 for the epoch
	joined := w.join(3 * testStake)
	if w.committee().weightOf(joined.id) != 0 {
		t.Fatal("a node is a member before its stake counts")
	}
	if got := w.pass(testEpoch/2 - 1); len(got) > 0 {
		t.Errorf("events before half of the epoch: %+v", got)
	}
	if got, want := w.pass(1), []Event{EpochSelected{2}}; !reflect.DeepEqual(got, want) {
		t.Errorf("events at half of the epoch: %+v, want %+v", got, want)
	}
	late := w.join(3 * testStake)
	rewards := w.pass(testEpoch / 2)
	if got, want := rewards, []Event{EpochStarted{2}}; len(got) != 5 || !reflect.DeepEqual(got[4:], want) {
		t.Errorf("events at the end of the epoch: %+v, want four rewards and %+v", got, want)
	}
	// Of 10 shards, 3 parts of 7 are 4.
	if got := w.committee().weightOf(joined.id); got != 4 {
		t.Errorf("the new member owns %d shards, want 4", got)
	}
	if got := w.committee().weightOf(late.id); got != 0 {
		t.Errorf("a node that staked after the selection owns %d shards", got)
	}
	first := Get[Committee](w.state, CommitteeKey(1))
	if moves := apportion.Moves(first.owners(), w.committee().owners()); moves != 4 {
		t.Errorf("%d shards moved, want 4", moves)
	}
	// 3 % of 40,100 are burned, and the rest is paid out by shards; 10 % are commission.
	pot := uint64(40_100 - 40_100*3/100)
	for _, m := range w.members[:4] {
		n := Get[Node](w.state, NodeKey(m.id))
		earned := pot * uint64(first.weightOf(m.id)) / testShards
		if want := (NodeRewarded{1, m.id, earned}); !slices.Contains(rewards, Event(want)) {
			t.Errorf("rewards %+v, and none is %+v", rewards, want)
		}
		if n.Commission != earned/10 || n.Rewards != earned-earned/10 || n.Balance != testStake+earned-earned/10 {
			t.Errorf("%s earned %d: commission %d, rewards %d, balance %d", n.Info.Name, earned, n.Commission, n.Rewards, n.Balance)
		}
	}
	w.checkInvariants()

	// The members of a quorum end the change, and each reports once.
	w.do(joined.owner, ReportSynced{Node: joined.id, Epoch: 2})
	if r, _ := w.try(joined.owner, ReportSynced{Node: joined.id, Epoch: 2}); RuleOf(r.Err) != RuleTwice {
		t.Errorf("second report: %v, want rule %q", r.Err, RuleTwice)
	}
	if r, _ := w.try(late.owner, ReportSynced{Node: late.id, Epoch: 2}); RuleOf(r.Err) != RuleMember {
		t.Errorf("report of who is no member: %v, want rule %q", r.Err, RuleMember)
	}
	if r, _ := w.try(alice, ReportSynced{Node: w.members[0].id, Epoch: 2}); RuleOf(r.Err) != RuleOwner {
		t.Errorf("report of a stranger: %v, want rule %q", r.Err, RuleOwner)
	}
	if r, _ := w.try(w.members[0].owner, ReportSynced{Node: w.members[0].id, Epoch: 1}); RuleOf(r.Err) != RuleEpoch {
		t.Errorf("report of another epoch: %v, want rule %q", r.Err, RuleEpoch)
	}
	if p := Phase(w.state.System().Phase); p != PhaseSync {
		t.Errorf("phase %v after 4 of 10 shards, want sync", p)
	}
	// Otherwise it ends by itself.
	if got := w.pass(300); len(got) != 1 || got[0] != (EpochDone{2, 4}) {
		t.Errorf("events after the time for it: %+v", got)
	}
	w.nextEpoch()
	if got := w.committee().weightOf(late.id); got != 3 {
		t.Errorf("the late member owns %d shards in the third epoch, want 3", got)
	}
	w.checkInvariants()
}

// TestSettled: a change that ends because the time for it is over moves no shards for
// readers before a quorum has reported, in this epoch or in a later one.
func TestSettled(t *testing.T) {
	w := newWorld(t)
	expect := func(when string, want uint32) {
		t.Helper()
		if got := w.state.System().Settled; got != want {
			t.Errorf("%s: epoch %d is settled, want %d", when, got, want)
		}
	}
	start := func() {
		w.pass(testEpoch / 2)
		w.pass(testEpoch / 2)
	}
	expect("at first", 1)
	start()
	expect("nobody has reported", 1)
	report := func(epoch uint32) (settled int) {
		t.Helper()
		for _, m := range w.members {
			if w.committee().weightOf(m.id) == 0 {
				continue
			}
			r, _ := w.try(m.owner, ReportSynced{Node: m.id, Epoch: epoch})
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			for _, e := range r.Events {
				if e == (EpochSettled{epoch}) {
					settled++
				}
			}
		}
		return settled
	}
	w.pass(300)
	if p := Phase(w.state.System().Phase); p == PhaseSync {
		t.Fatalf("phase %v after the time for the change", p)
	}
	expect("the time for it is over", 1)
	start()
	expect("and so it is in the next epoch", 1)
	if got := report(3); got != 1 {
		t.Errorf("%d events that the epoch is settled, want 1", got)
	}
	expect("all have reported", 3)
	start()
	w.pass(300)
	expect("nobody has reported again", 3)
	if got := report(4); got != 1 {
		t.Errorf("%d events that the epoch is settled after the time for the change, want 1", got)
	}
	expect("late reports", 4)
}

// TestKeyRotation: a key counts from the start of an epoch on, not before.
func TestKeyRotation(t *testing.T) {
	w := newWorld(t)
	m := w.members[0]
	old, next := m.key, memberKeys[11]
	w.do(m.owner, SetNextKey{m.id, next.Public().Bytes(), next.Prove()})
	b := w.blob("a", 100)
	id := w.register(w.people[0], b, 3, false)
	m.key = next
	w.nextEpoch()
	w.do(w.people[0], CertifyBlob{id, w.certificate(stored(b), 0, 1, 2)})
	if n := Get[Node](w.state, NodeKey(m.id)); n.Info.PublicKey != next.Public().Bytes() || n.Next != nil {
		t.Error("the node's entry has the old key")
	}
	if r, _ := w.try(w.people[1], RegisterNode{NodeInfo{
		Name: "x", Address: "127.0.0.1:9", PublicKey: next.Public().Bytes(), Possession: next.Prove(),
		TLSKey: addressOf(personKey("x")), TLSProof: ProveTLSKey(personKey("x"), addressOf(w.people[1])),
	}}); RuleOf(r.Err) != RuleKey {
		t.Errorf("a key in use: %v, want rule %q", r.Err, RuleKey)
	}
	// The old one is free again.
	w.do(w.people[1], RegisterNode{NodeInfo{
		Name: "x", Address: "127.0.0.1:9", PublicKey: old.Public().Bytes(), Possession: old.Prove(),
		TLSKey: addressOf(personKey("x")), TLSProof: ProveTLSKey(personKey("x"), addressOf(w.people[1])),
	}})
}

func TestNodeRules(t *testing.T) {
	w := newWorld(t)
	alice := w.people[0]
	m, other := w.members[0], w.members[1]
	fresh := func(change func(*NodeInfo)) RegisterNode {
		n := newMember(7).info
		n.TLSProof = ProveTLSKey(personKey("tls 7"), addressOf(alice))
		change(&n)
		return RegisterNode{n}
	}
	small := w.do(alice, StakeWith{m.id, 1500})
	for _, test := range []struct {
		name   string
		action Action
		want   Rule
	}{
		{"no name", fresh(func(n *NodeInfo) { n.Name = "" }), RuleText},
		{"long name", fresh(func(n *NodeInfo) { n.Name = string(make([]byte, 101)) }), RuleText},
		{"another's name", fresh(func(n *NodeInfo) { n.Name = other.info.Name }), RuleKey},
		{"another's address", fresh(func(n *NodeInfo) { n.Address = other.info.Address }), RuleKey},
		{"no port", fresh(func(n *NodeInfo) { n.Address = "host" }), RuleText},
		{"port 0", fresh(func(n *NodeInfo) { n.Address = "host:0" }), RuleText},
		{"port 70000", fresh(func(n *NodeInfo) { n.Address = "host:70000" }), RuleText},
		{"every address", fresh(func(n *NodeInfo) { n.Address = "0.0.0.0:7100" }), RuleText},
		{"no name of a host", fresh(func(n *NodeInfo) { n.Address = "a b:7100" }), RuleText},
		{"no host", fresh(func(n *NodeInfo) { n.Address = ":80" }), RuleText},
		{"commission of more than all", fresh(func(n *NodeInfo) { n.Commission = 10_001 }), RuleRate},
		{"no key", fresh(func(n *NodeInfo) { n.PublicKey = [48]byte{} }), RuleKey},
		{"no proof of possession", fresh(func(n *NodeInfo) { n.Possession[5] ^= 1 }), RuleKey},
		{"somebody else's TLS key", fresh(func(n *NodeInfo) { n.TLSKey, n.TLSProof = other.info.TLSKey, other.info.TLSProof }), RuleKey},
		{"vote for another node", Vote{m.id, Votes{}}, RuleOwner},
		{"commission of another node", SetCommission{m.id, 1}, RuleOwner},
		{"collect another's commission", CollectCommission{m.id}, RuleOwner},
		{"stake with nobody", StakeWith{NodeID{1}, 5000}, RuleUnknown},
		{"stake too little", StakeWith{m.id, 999}, RuleAmount},
		{"stake what is not there", StakeWith{m.id, 2 * testMoney}, RuleFunds},
		{"split too small", SplitStake{small, 900}, RuleAmount},
		{"split with too small a rest", SplitStake{small, 1000}, RuleAmount},
		{"ask for what can be had at once", RequestWithdrawal{small}, RuleStake},
		{"withdraw nothing", WithdrawStake{ObjectID{1}}, RuleUnknown},
		{"slash without a vote", Slash{m.id}, RuleUnknown},
		{"vote to slash for another", VoteSlashing{m.id, other.id}, RuleOwner},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, _ := w.try(alice, test.action)
			if got := RuleOf(r.Err); got != test.want {
				t.Errorf("%v (rule %q), want rule %q", r.Err, got, test.want)
			}
		})
	}
	if r, _ := w.try(m.owner, CollectCommission{m.id}); RuleOf(r.Err) != RuleAmount {
		t.Errorf("collect nothing: %v, want rule %q", r.Err, RuleAmount)
	}
	w.checkInvariants()
}

// TestOneAddressInCapitals: a committee takes two such addresses for the same.
func TestOneAddressInCapitals(t *testing.T) {
	w := newWorld(t)
	for i, test := range []struct {
		address string
		want    Rule
	}{{"localhost:7200", ""}, {"LOCALHOST:7200", RuleKey}, {"localhost:7201", ""}} {
		m := newMember(6 + i)
		m.info.Address = test.address
		w.do(w.people[0], Transfer{addressOf(m.owner), testStake})
		if r, _ := w.try(m.owner, RegisterNode{m.info}); RuleOf(r.Err) != test.want {
			t.Errorf("%s: %v, want rule %q", test.address, r.Err, test.want)
		}
	}
}

func TestStaking(t *testing.T) {
	w := newWorld(t)
	alice, m := w.people[0], w.members[0]
	early := w.do(alice, StakeWith{m.id, 2000})
	before := w.balance(alice)
	r, _ := w.try(alice, WithdrawStake{early})
	if r.Err != nil || w.balance(alice) != before+2000-r.Fee {
		t.Fatalf("early withdrawal: %v, balance %d", r.Err, w.balance(alice))
	}
	stake := w.do(alice, StakeWith{m.id, testStake})
	w.nextEpoch()
	if r, _ := w.try(alice, WithdrawStake{stake}); RuleOf(r.Err) != RuleStake {
		t.Errorf("withdrawal without a request: %v, want rule %q", r.Err, RuleStake)
	}
	w.do(alice, AddSubsidy{1_000_000, 1})
	w.do(alice, ReserveSpace{1000, 0, 3})
	w.do(alice, RequestWithdrawal{stake})
	if r, _ := w.try(alice, RequestWithdrawal{stake}); RuleOf(r.Err) != RuleTwice {
		t.Errorf("second request: %v, want rule %q", r.Err, RuleTwice)
	}
	if r, _ := w.try(alice, WithdrawStake{stake}); RuleOf(r.Err) != RuleEarly {
		t.Errorf("withdrawal in the same epoch: %v, want rule %q", r.Err, RuleEarly)
	}
	w.nextEpoch()
	n := Get[Node](w.state, NodeKey(m.id))
	gained := n.Rewards // half of it is the stake's
	before = w.balance(alice)
	r, _ = w.try(alice, WithdrawStake{stake})
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	if got, want := w.balance(alice)+r.Fee-before-testStake, gained/2; got < want-1 || got > want {
		t.Errorf("gained %d, want half of %d", got, gained)
	}
	if n := Get[Node](w.state, NodeKey(m.id)); n.Balance < testStake || n.Balance > testStake+gained/2+1 {
		t.Errorf("the pool has %d left, want %d and half of the rewards", n.Balance, testStake)
	}
	w.checkInvariants()
}

func TestSlashing(t *testing.T) {
	w := newWorld(t)
	w.do(w.people[0], AddSubsidy{1_000_000, 1})
	w.do(w.people[0], ReserveSpace{1000, 0, 3})
	w.nextEpoch()
	bad := w.members[3]
	if n := Get[Node](w.state, NodeKey(bad.id)); n.Commission == 0 {
		t.Fatal("the node has no commission to lose")
	}
	vote := func(i int) Result {
		r, _ := w.try(w.members[i].owner, VoteSlashing{w.members[i].id, bad.id})
		return r
	}
	for i := range 2 {
		if r := vote(i); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if r := vote(0); RuleOf(r.Err) != RuleTwice {
		t.Errorf("second vote: %v, want rule %q", r.Err, RuleTwice)
	}
	if r, _ := w.try(w.people[0], Slash{bad.id}); RuleOf(r.Err) != RuleProof {
		t.Errorf("slash without a quorum: %v, want rule %q", r.Err, RuleProof)
	}
	if r := vote(2); r.Err != nil {
		t.Fatal(r.Err)
	}
	w.do(w.people[0], Slash{bad.id})
	if n := Get[Node](w.state, NodeKey(bad.id)); n.Commission != 0 || n.Balance < testStake {
		t.Errorf("after slashing: commission %d, balance %d", n.Commission, n.Balance)
	}
	w.checkInvariants()
}
