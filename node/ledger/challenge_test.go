package ledger

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/redstuff-go/redstuff/node/challenge"
	"github.com/redstuff-go/redstuff/node/committee"
)

// oneBlob is the list of a challenge. The ledger takes what a quorum says.
var oneBlob = challenge.List{Blobs: 1, Digest: [32]byte{1}}

// challenged returns a ledger in an epoch whose challenge is armed.
func challenged(t *testing.T, rules ChallengeRules) *world {
	t.Helper()
	if rules.Mode == ChallengesOff {
		rules.Mode = ChallengesLight
	}
	w := newWorldWith(t, func(g *Genesis) { g.Challenges = rules })
	w.nextEpoch()
	w.pass(testEpoch / 2)
	return w
}

// fund has the current epoch earn something.
func (w *world) fund() {
	w.t.Helper()
	w.do(w.people[0], AddSubsidy{1_000_000, 1})
	w.do(w.people[0], ReserveSpace{1 << 20, 0, w.state.System().Epoch + 1})
}

func (w *world) challenge() *Challenge { return Get[Challenge](w.state, ChallengeKey()) }

// committeeNow returns the committee, and which member of it a node of the world is.
func (w *world) committeeNow(i int) (*committee.Committee, int) {
	w.t.Helper()
	c, err := w.state.At(uint64(w.state.System().Epoch))
	if err != nil {
		w.t.Fatal(err)
	}
	at, _ := c.FindName(w.members[i].info.Name)
	return c, at
}

// attest has a node of the world sign.
func (w *world) attest(i int, a committee.Attestation) committee.Signature {
	w.t.Helper()
	c, _ := w.committeeNow(i)
	return committee.NewSigner(w.members[i].key, nil).Attest(c, a)
}

// ack returns a node's ack of the challenge.
func (w *world) ack(i int, list challenge.List) AckChallenge {
	w.t.Helper()
	c := w.challenge()
	return AckChallenge{w.members[i].id, c.Height, list, w.attest(i, c.TermsOf(list).Ack())}
}

// passOf returns the certificate of a node, which others have signed.
func (w *world) passOf(i int, signers ...int) PassChallenge {
	w.t.Helper()
	c := w.challenge()
	a := c.Round.Pass(w.members[i].key.Public())
	return PassChallenge{w.members[i].id, c.Height, w.certificate(a, signers...)}
}

// runningWorld returns the ledger with the challenge started by the first three members.
func (w *world) runningWorld() *world {
	w.t.Helper()
	running := *w
	for i := range 3 {
		running.do(running.people[2], running.ack(i, oneBlob))
	}
	return &running
}

// passedWorld returns the ledger with the challenge passed by all four members.
func (w *world) passedWorld() *world {
	w.t.Helper()
	passed := w.runningWorld()
	for i := range 4 {
		passed.do(passed.people[2], passed.passOf(i, 0, 1, 2))
	}
	return passed
}

// kinds returns the names of events.
func kinds(events []Event) (names []string) {
	for _, e := range events {
		names = append(names, reflect.TypeOf(e).Name())
	}
	return names
}

func TestChallenge(t *testing.T) {
	w := newWorldWith(t, func(g *Genesis) { g.Challenges.Mode = ChallengesLight })
	if got := kinds(w.pass(testEpoch / 2)); slices.Contains(got, "ChallengeArmed") {
		t.Error("the first epoch has a challenge")
	}
	w.nextEpoch()
	w.fund()
	events := w.pass(testEpoch / 2)
	c := w.challenge()
	if c == nil || c.Stage != challenge.Armed || c.Epoch != 2 || c.Height != w.state.System().Height || c.Chain != w.state.ChainID() || c.Deadline != w.now+testEpoch/8 {
		t.Fatalf("challenge %+v", c)
	}
	if want := (ChallengeArmed{2, c.Height}); !slices.Contains(events, Event(want)) {
		t.Errorf("events %+v, and none is %+v", events, want)
	}
	w.pass(0) // in which the handover is noted
	if due := w.state.Due(); due != c.Deadline {
		t.Errorf("due at %d, want the deadline, %d", due, c.Deadline)
	}
	w.do(w.people[2], w.ack(3, challenge.List{Blobs: 7})) // whose ledger is another one
	for i := range 3 {
		if c := w.challenge(); c.Started() {
			t.Fatalf("it has started with %d acks", i)
		}
		r, _ := w.try(w.people[2], w.ack(i, oneBlob))
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if got := kinds(r.Events); i == 2 && !slices.Equal(got, []string{"ChallengeStarted"}) {
			t.Errorf("events %v", got)
		}
	}
	// The seed is that of the certificate of the acks, and 4 members have 2^4 seeds.
	c = w.challenge()
	want, err := challenge.Bound{Missing: 1000, Error: 30, Grinding: 4, Verifiers: 4}.Draws()
	if err != nil {
		t.Fatal(err)
	}
	if c.Stage != challenge.Running || c.List != oneBlob || c.Draws != want || len(c.Acks) > 0 {
		t.Fatalf("challenge %+v, want %d draws", c, want)
	}
	acks, err := committee.ParseCertificate(must(w.state.At(2)), w.certificate(c.Terms.Ack(), 0, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	if seed, err := (challenge.AckHash{}).Seed(acks); err != nil || seed != c.Seed {
		t.Errorf("seed %x (%v), want %x", c.Seed, err, seed)
	}
	for _, i := range []int{3, 1, 2} {
		r, _ := w.try(w.people[1], w.passOf(i, 0, 1, 2, 3))
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		weight := w.committee().weightOf(w.members[i].id)
		if want := (ChallengePassed{2, w.members[i].id, uint16(weight)}); r.Events[0] != Event(want) {
			t.Errorf("event %+v, want %+v", r.Events[0], want)
		}
	}
	if c = w.challenge(); c.Stage != challenge.Running || c.Weight < 7 || c.Deadline != w.now+testEpoch/32 {
		t.Fatalf("challenge %+v, want it open for %d ms", c, testEpoch/32)
	}
	if got, want := w.pass(testEpoch/32), (ChallengeClosed{2, c.Height, c.Weight}); !slices.Contains(got, Event(want)) {
		t.Errorf("events %+v, and none is %+v", got, want)
	}
	if r, _ := w.try(w.people[1], w.passOf(0, 0, 1, 2, 3)); RuleOf(r.Err) != RulePhase {
		t.Errorf("a certificate after the close: %v, want rule %q", r.Err, RulePhase)
	}
	// The one that did not pass has no reward, and the others have what they had with it.
	pot := w.state.draft().slot(2).Rewards
	pot -= pot * 3 / 100
	before := w.committee()
	events = w.pass(testEpoch / 2)
	for i, m := range w.members {
		n := Get[Node](w.state, NodeKey(m.id))
		earned := pot * uint64(before.weightOf(m.id)) / testShards
		if i == 0 {
			earned = 0
		}
		if n.Commission+n.Rewards != earned || n.Balance != testStake+n.Rewards {
			t.Errorf("%s has %d and %d and a balance of %d, want %d", n.Info.Name, n.Commission, n.Rewards, n.Balance, earned)
		}
		if want := uint16(0); i > 0 && n.Failed != want || i == 0 && n.Failed != 1 {
			t.Errorf("%s has failed %d in a row", n.Info.Name, n.Failed)
		}
		got := slices.Contains(events, Event(NodeRewarded{2, m.id, earned}))
		if failed := slices.Contains(events, Event(ChallengeFailed{2, m.id, 1})); got == (i == 0) || failed != (i == 0) {
			t.Errorf("%s: rewarded %v, failed %v", n.Info.Name, got, failed)
		}
	}
	left := w.state.draft().slot(3).Rewards
	if least := pot * uint64(before.weightOf(w.members[0].id)) / testShards; left < least {
		t.Errorf("%d are left for the next epoch, want %d at least", left, least)
	}
	w.checkInvariants()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestChallengeRefusals: what is malformed, replayed, early, late or of elsewhere.
func TestChallengeRefusals(t *testing.T) {
	old := challenged(t, ChallengeRules{})
	oldAck := old.ack(0, oneBlob)
	old = old.runningWorld()
	oldPass := old.passOf(0, 0, 1, 2)
	w := *old
	w.pass(testEpoch / 2)
	for _, m := range w.members {
		w.do(m.owner, ReportSynced{Node: m.id, Epoch: w.state.System().Epoch})
	}
	if r, _ := w.try(w.people[0], AckChallenge{w.members[0].id, oldAck.Height, oneBlob, oldAck.Signature}); RuleOf(r.Err) != RuleUnknown {
		t.Errorf("ack of the last epoch's challenge, while none is armed: %v, want rule %q", r.Err, RuleUnknown)
	}
	w.pass(testEpoch / 2)
	running := w.runningWorld()
	height := w.challenge().Height
	stranger := w.join(testStake)
	forged := w.ack(1, oneBlob)
	forged.Signature = w.ack(2, oneBlob).Signature
	replayed := oldAck
	replayed.Height = height
	otherList := w.ack(1, oneBlob)
	otherList.List.Blobs++
	ack := w.ack(0, oneBlob)
	elsewhere := w.challenge().TermsOf(oneBlob)
	elsewhere.Chain[0]++
	foreignAck := AckChallenge{ack.Node, height, oneBlob, w.attest(0, elsewhere.Ack())}
	other := running.challenge().Round
	other.Chain[0]++
	foreignPass := PassChallenge{ack.Node, height, running.certificate(other.Pass(w.members[0].key.Public()), 0, 1, 2)}
	stored := w.attest(0, committee.Attestation{Kind: committee.Stored, Blob: w.challenge().TermsOf(oneBlob).Ack().Blob})
	tests := []struct {
		name string
		on   *world
		a    Action
		want Rule
	}{
		{"ack", &w, ack, ""},
		{"ack of a running one", running, w.ack(3, oneBlob), RulePhase},
		{"ack of another height", &w, AckChallenge{ack.Node, height + 1, oneBlob, ack.Signature}, RuleUnknown},
		{"ack of who owns nothing", &w, AckChallenge{stranger.id, height, oneBlob, ack.Signature}, RuleMember},
		{"ack with another's signature", &w, forged, RuleProof},
		{"ack of the last epoch", &w, replayed, RuleProof},
		{"ack of another list", &w, otherList, RuleProof},
		{"ack in another's words", &w, AckChallenge{ack.Node, height, oneBlob, stored}, RuleProof},
		{"ack of another ledger", &w, foreignAck, RuleProof},
		{"ack of nobody", &w, AckChallenge{ack.Node, height, oneBlob, committee.Signature{}}, RuleProof},
		{"pass", running, running.passOf(0, 0, 1, 2), ""},
		{"pass before the start", &w, PassChallenge{ack.Node, height, oldPass.Certificate}, RulePhase},
		{"pass of the last epoch", running, PassChallenge{ack.Node, height, oldPass.Certificate}, RuleEpoch},
		{"pass of another node", running, PassChallenge{w.members[1].id, height, running.passOf(0, 0, 1, 2).Certificate}, RuleProof},
		{"pass of who owns nothing", running, PassChallenge{stranger.id, height, oldPass.Certificate}, RuleMember},
		{"pass of another height", running, PassChallenge{ack.Node, height - 1, oldPass.Certificate}, RuleUnknown},
		{"pass by the certificate of acks", running, PassChallenge{ack.Node, height, running.certificate(running.challenge().Terms.Ack(), 0, 1, 2)}, RuleProof},
		{"pass of another ledger", running, foreignPass, RuleProof},
		{"pass by nothing", running, PassChallenge{ack.Node, height, nil}, RuleProof},
		{"pass by rubbish", running, PassChallenge{ack.Node, height, bytes.Repeat([]byte{7}, 200)}, RuleProof},
	}
	for _, tt := range tests {
		next := *tt.on
		before := next.challenge()
		r, _ := next.try(next.people[0], tt.a)
		if RuleOf(r.Err) != tt.want {
			t.Errorf("%s: %v, want rule %q", tt.name, r.Err, tt.want)
		}
		if changed := !reflect.DeepEqual(before, next.challenge()); changed != (tt.want == "") {
			t.Errorf("%s: the challenge has changed: %v", tt.name, changed)
		}
	}
	w.do(w.people[0], ack)
	if r, _ := w.try(w.people[0], w.ack(0, challenge.List{})); RuleOf(r.Err) != RuleTwice {
		t.Errorf("a second ack, of another list: %v, want rule %q", r.Err, RuleTwice)
	}
	running.do(running.people[0], running.passOf(0, 0, 1, 2))
	if r, _ := running.try(running.people[0], running.passOf(0, 0, 1, 2, 3)); RuleOf(r.Err) != RuleTwice {
		t.Errorf("a second pass: %v, want rule %q", r.Err, RuleTwice)
	}
	// No certificate of fewer shards, or with other signers than it says.
	good := running.passOf(1, 0, 1, 2)
	bitmap := len(good.Certificate) - committee.SignatureSize - 1
	for signers := range 16 {
		forged := bytes.Clone(good.Certificate)
		if byte(signers) == forged[bitmap] {
			continue
		}
		forged[bitmap] = byte(signers)
		next := *running
		if r, _ := next.try(next.people[0], PassChallenge{good.Node, height, forged}); RuleOf(r.Err) != RuleProof {
			t.Errorf("pass with the signers %04b: %v, want rule %q", signers, r.Err, RuleProof)
		}
	}
}

// TestChallengeEnds: when its time is over, or its epoch.
func TestChallengeEnds(t *testing.T) {
	t.Run("nobody acks", func(t *testing.T) {
		w := challenged(t, ChallengeRules{})
		w.fund()
		if got := kinds(w.pass(testEpoch / 8)); !slices.Contains(got, "ChallengeClosed") || w.challenge().Stage != challenge.Closed {
			t.Errorf("events %v, stage %v", got, w.challenge().Stage)
		}
		if r, _ := w.try(w.people[0], w.ack(0, oneBlob)); RuleOf(r.Err) != RulePhase {
			t.Errorf("ack after the end: %v, want rule %q", r.Err, RulePhase)
		}
		w.pass(testEpoch / 2)
		for _, m := range w.members {
			if n := Get[Node](w.state, NodeKey(m.id)); n.Rewards == 0 || n.Failed > 0 {
				t.Errorf("%s has a reward of %d, and has failed %d: it could prove nothing", n.Info.Name, n.Rewards, n.Failed)
			}
		}
	})
	t.Run("too few pass", func(t *testing.T) {
		w := challenged(t, ChallengeRules{}).runningWorld()
		w.fund()
		w.do(w.people[0], w.passOf(1, 0, 1, 2))
		w.pass(testEpoch / 2)
		for i, m := range w.members {
			n := Get[Node](w.state, NodeKey(m.id))
			if n.Failed > 0 || (n.Rewards > 0) != (i == 1) {
				t.Errorf("%s has a reward of %d, and has failed %d", n.Info.Name, n.Rewards, n.Failed)
			}
		}
		w.checkInvariants()
	})
	t.Run("full", func(t *testing.T) {
		w := challenged(t, ChallengeRules{Mode: ChallengesFull}).runningWorld()
		if got, want := len(w.challenge().Drawn()), 1; got != want {
			t.Errorf("%d blobs are drawn of %d", got, want)
		}
	})
	t.Run("none while members lack shards", func(t *testing.T) {
		w := newWorldWith(t, func(g *Genesis) { g.Challenges.Mode = ChallengesFull })
		w.pass(testEpoch)
		w.pass(300) // the change is over, and nobody has reported
		w.pass(testEpoch / 2)
		if c := w.challenge(); c != nil {
			t.Fatalf("challenge %+v in an epoch that is not settled", c)
		}
		for i := range 3 {
			w.do(w.members[i].owner, ReportSynced{Node: w.members[i].id, Epoch: 2})
		}
		if c := w.challenge(); c == nil || c.Epoch != 2 || c.Height != w.state.System().Height {
			t.Errorf("challenge %+v when the epoch is settled", c)
		}
	})
}

// play plays the challenge of an epoch, in which some members do not pass, to its end.
func (w *world) play(fails ...int) {
	w.t.Helper()
	w.pass(testEpoch / 2)
	for i := range w.members {
		if _, at := w.committeeNow(i); w.committee().weightOf(w.members[i].id) > 0 && at >= 0 && !w.challenge().Started() {
			w.do(w.people[2], w.ack(i, oneBlob))
		}
	}
	for i := range w.members {
		if !slices.Contains(fails, i) && w.challenge().Stage == challenge.Running && w.committee().weightOf(w.members[i].id) > 0 {
			w.do(w.people[2], w.passOf(i, 0, 1, 2, 3))
		}
	}
	w.pass(testEpoch / 2)
	for _, m := range w.members {
		if w.committee().weightOf(m.id) > 0 {
			w.do(m.owner, ReportSynced{Node: m.id, Epoch: w.state.System().Epoch})
		}
	}
	w.checkInvariants()
}

// TestStakeSlashing: who fails one challenge after the other loses stake, from the third one on,
// and all who have staked with it lose alike.
func TestStakeSlashing(t *testing.T) {
	for _, shared := range []uint16{0, 4000, basisPoints} {
		t.Run(fmt.Sprint(shared, " shared"), func(t *testing.T) {
			w := newWorldWith(t, func(g *Genesis) {
				g.Challenges = ChallengeRules{Mode: ChallengesLight, Penalty: 1000, FinesShared: shared}
			})
			alice := w.people[0]
			w.nextEpoch()
			cheat := w.members[3]
			stake := w.do(alice, StakeWith{cheat.id, 200_000})
			for range 2 {
				w.play(3)
			}
			n := Get[Node](w.state, NodeKey(cheat.id))
			if n.Failed != 2 || n.Slashed != 0 {
				t.Fatalf("after two challenges: failed %d, slashed %d", n.Failed, n.Slashed)
			}
			before := n.Balance
			w.fund()
			w.pass(testEpoch / 2)
			for i := range 3 {
				w.do(w.people[2], w.ack(i, oneBlob))
			}
			for i := range 3 {
				w.do(w.people[2], w.passOf(i, 0, 1, 2))
			}
			burned := w.state.System().Burned
			slot := w.state.draft().slot(w.state.System().Epoch).Rewards
			events := w.pass(testEpoch / 2)
			n = Get[Node](w.state, NodeKey(cheat.id))
			amount := before / 10
			if n.Failed != 3 || n.Slashed != amount || n.Balance != before-amount || n.Debt != amount {
				t.Fatalf("after three: %+v, want a tenth of %d slashed", n, before)
			}
			part := amount * uint64(shared) / basisPoints
			if want := (StakeSlashed{4, cheat.id, amount, amount - part}); !slices.Contains(events, Event(want)) {
				t.Errorf("events %+v, and none is %+v", events, want)
			}
			if got, want := w.state.System().Burned-burned, slot*3/100+amount-part; got != want {
				t.Errorf("%d burned, want %d", got, want)
			}
			for _, m := range w.members {
				if w.committee().weightOf(m.id) > 0 {
					w.do(m.owner, ReportSynced{Node: m.id, Epoch: w.state.System().Epoch})
				}
			}
			w.checkInvariants()
			// Who passes once begins anew.
			w.play()
			if n = Get[Node](w.state, NodeKey(cheat.id)); n.Failed != 0 || n.Slashed != amount {
				t.Errorf("after a challenge that it passed: failed %d, slashed %d", n.Failed, n.Slashed)
			}
			// A stake is paid back by what its shares are worth: less than it was.
			w.do(alice, RequestWithdrawal{stake})
			w.nextEpoch()
			w.nextEpoch()
			had := w.balance(alice)
			r, _ := w.try(alice, WithdrawStake{stake})
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			if got := w.balance(alice) + r.Fee - had; got >= 190_000 || got < 180_000 {
				t.Errorf("%d paid for a stake of 200,000 of which a tenth was slashed", got)
			}
			w.checkInvariants()
		})
	}
}

// TestSlashingLeavesAQuarter: whatever a node does, those who staked with it keep a quarter,
// and with the last of them gone there is no debt.
func TestSlashingLeavesAQuarter(t *testing.T) {
	w := newWorldWith(t, func(g *Genesis) {
		g.Challenges = ChallengeRules{Mode: ChallengesFull, Strikes: 1, Penalty: 9000}
	})
	w.nextEpoch()
	cheat := w.members[3]
	stake := w.do(w.people[0], StakeWith{cheat.id, 77_777})
	w.nextEpoch()
	for range 4 {
		w.play(3)
	}
	n := Get[Node](w.state, NodeKey(cheat.id))
	if 4*n.Balance < n.Shares || n.Balance > n.Shares/2 {
		t.Fatalf("a balance of %d for %d shares, want a quarter or little more", n.Balance, n.Shares)
	}
	late := w.do(w.people[1], StakeWith{cheat.id, 10_000})
	w.nextEpoch()
	for key, id := range map[string]ObjectID{"early": stake, "late": late} {
		owner := w.people[0]
		if key == "late" {
			owner = w.people[1]
		}
		if r, _ := w.try(owner, RequestWithdrawal{id}); r.Err != nil && RuleOf(r.Err) != RuleStake { // at once
			t.Fatal(r.Err)
		}
	}
	w.nextEpoch()
	w.nextEpoch()
	for owner, id := range map[int]ObjectID{0: stake, 1: late} {
		principal := Get[Stake](w.state, StakeKey(id)).Principal
		had := w.balance(w.people[owner])
		r, _ := w.try(w.people[owner], WithdrawStake{id})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		got := w.balance(w.people[owner]) + r.Fee - had
		if owner == 0 && (got < principal/4-1 || got > principal/2) || owner == 1 && got < principal-1 {
			t.Errorf("%d paid for a stake of %d", got, principal)
		}
		w.checkInvariants()
	}
}

// TestCutOffIsNotSlashed: members with f shards that the network keeps from everybody for
// whole challenges lose their rewards of these, and no stake, if they pass now and then.
func TestCutOffIsNotSlashed(t *testing.T) {
	w := newWorldWith(t, func(g *Genesis) { g.Challenges = ChallengeRules{Mode: ChallengesLight, Penalty: 5000} })
	w.nextEpoch()
	for i := range 9 {
		if i%3 == 2 {
			w.play()
		} else {
			w.play(3)
		}
	}
	for _, m := range w.members {
		if n := Get[Node](w.state, NodeKey(m.id)); n.Slashed > 0 {
			t.Errorf("%s was slashed by %d", n.Info.Name, n.Slashed)
		}
	}
}

func TestChallengeRules(t *testing.T) {
	for name, rules := range map[string]ChallengeRules{
		"rules of none":     {Strikes: 3},
		"an unknown mode":   {Mode: 3},
		"too long":          {Mode: ChallengesFull, Millis: 9 * testEpoch},
		"too much slashed":  {Mode: ChallengesFull, Penalty: 10_001},
		"too much shared":   {Mode: ChallengesFull, FinesShared: 10_001},
		"more than all":     {Mode: ChallengesLight, Missing: 10_001},
		"an impossible one": {Mode: ChallengesLight, Error: 10_000},
	} {
		g := newWorld(t).state.Genesis()
		g.Challenges = rules
		if _, err := Begin(g); err == nil {
			t.Errorf("%s: a ledger begins", name)
		}
	}
	g := newWorld(t).state.Genesis()
	g.Challenges.Mode = ChallengesLight
	g.Balances = append(g.Balances, Balance{Address{9}, 1 << 63})
	if _, err := Begin(g); err == nil {
		t.Error("more money than shares can be counted of: a ledger begins")
	}
	for mode, want := range map[ChallengeMode]string{ChallengesOff: "off", ChallengesLight: "light", ChallengesFull: "full", 9: "mode 9"} {
		if got := mode.String(); got != want {
			t.Errorf("mode %d is %q, want %q", uint8(mode), got, want)
		}
	}
}

// TestSlowChallenge: an epoch does not end while its challenge is open, which may be longer than
// the epoch, and the last ones have as long as those had who passed before them.
func TestSlowChallenge(t *testing.T) {
	begin := func() *world {
		w := newWorldWith(t, func(g *Genesis) {
			g.Challenges = ChallengeRules{Mode: ChallengesLight, Millis: 3 * testEpoch, Grace: 1}
		})
		w.nextEpoch()
		w.fund()
		w.pass(testEpoch / 2)
		for i := range 3 {
			w.do(w.people[2], w.ack(i, oneBlob))
		}
		return w
	}
	epoch := func(w *world) uint32 { return w.state.System().Epoch }

	w := begin()
	armed := w.now
	w.pass(testEpoch)
	if c := w.challenge(); c.Stage != challenge.Running || epoch(w) != 2 {
		t.Fatalf("in epoch %d it is %v, want it running in 2", epoch(w), c.Stage)
	}
	for i := range 3 {
		w.do(w.people[1], w.passOf(i, 0, 1, 2, 3))
	}
	took := w.now - armed
	if c := w.challenge(); c.Stage != challenge.Running || c.Deadline != w.now+took || w.state.Due() != c.Deadline {
		t.Fatalf("it is %v until %d, and a block is due at %d; want it running until %d", c.Stage, c.Deadline, w.state.Due(), w.now+took)
	}
	w.pass(took - 1)
	if epoch(w) != 2 {
		t.Fatalf("epoch %d has begun within the time of the last one", epoch(w))
	}
	w.do(w.people[1], w.passOf(3, 0, 1, 2, 3))
	if c := w.challenge(); c.Stage != challenge.Closed || w.state.Due() > w.now {
		t.Errorf("all have passed, it is %v, and a block is due at %d; want it closed, and one at once", c.Stage, w.state.Due())
	}
	if events := kinds(w.pass(0)); epoch(w) != 3 || slices.Contains(events, "ChallengeFailed") {
		t.Errorf("epoch %d, %v; want epoch 3, and nobody has failed", epoch(w), events)
	}

	// One that nobody passes has its time.
	w = begin()
	w.pass(3*testEpoch - 1)
	if epoch(w) != 2 {
		t.Fatalf("epoch %d has begun before the end of the challenge", epoch(w))
	}
	if events := kinds(w.pass(1)); epoch(w) != 3 || !slices.Contains(events, "ChallengeClosed") {
		t.Errorf("epoch %d, %v; want epoch 3, and the challenge closed", epoch(w), events)
	}

	// One that would begin after the end of its epoch does not.
	w = begin()
	w.pass(3 * testEpoch)
	for _, m := range w.members {
		if w.committee().weightOf(m.id) > 0 {
			w.do(m.owner, ReportSynced{Node: m.id, Epoch: 3})
		}
	}
	w.pass(testEpoch)
	if c := w.challenge(); c.Epoch != 2 || epoch(w) != 4 {
		t.Errorf("epoch %d, and the last challenge is of %d; want none after that of 2", epoch(w), c.Epoch)
	}
}
