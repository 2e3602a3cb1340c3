package ledger

import (
	"slices"
	"testing"
)

// moving returns a ledger in an epoch in which a fifth member has got shards of others, and one of
// the four that there were.
func moving(t *testing.T, rules MigrationRules) (w *world, newcomer *member, from []NodeID) {
	t.Helper()
	w = newWorldWith(t, func(g *Genesis) { g.Migration, g.BurnRate, g.SyncMillis = rules, 1, testEpoch/4 })
	newcomer = w.join(testStake)
	w.pass(testEpoch / 2)
	before := w.committee()
	w.pass(testEpoch / 2)
	now := w.committee()
	i := now.index(newcomer.id)
	if i < 0 {
		t.Fatal("the newcomer has no shards")
	}
	for _, m := range before.Members {
		if slices.ContainsFunc(m.Shards, func(s uint16) bool { return slices.Contains(now.Members[i].Shards, s) }) {
			from = append(from, m.Node)
		}
	}
	return w, newcomer, from
}

// TestTransferFines: who does not hand shards over pays, and so does who says so; what is not
// burned is for those that the shards are recovered from, and money stays the same.
func TestTransferFines(t *testing.T) {
	rules := MigrationRules{Sender: 2000, Receiver: 500, Helpers: 6000}
	w, newcomer, from := moving(t, rules)
	sender := from[0]
	shards := func() (count int) {
		tr := transfers(w.state.draft())
		return tr.moved(w.state.draft(), newcomer.id, &sender)
	}()
	held, has := w.state.draft().committeeOf(1).weightOf(sender), w.committee().weightOf(newcomer.id)
	reports := func(skip NodeID) {
		for _, m := range w.members {
			if w.committee().weightOf(m.id) > 0 && m.id != newcomer.id && m.id != skip {
				w.do(m.owner, ReportSynced{Node: m.id, Epoch: 2})
			}
		}
	}
	reports(NodeID{})
	w.do(newcomer.owner, ReportSynced{Node: newcomer.id, Epoch: 2, Recovered: []NodeID{sender}})
	balance := func(id NodeID) uint64 { return Get[Node](w.state, NodeKey(id)).Balance }
	stake, mine := balance(sender), balance(newcomer.id)
	burned := w.state.System().Burned
	w.pass(testEpoch / 2)
	events := w.pass(testEpoch / 2)
	fine := stake * 2000 * uint64(shards) / (10_000 * uint64(held))
	own := mine * 500 * uint64(shards) / (10_000 * uint64(has))
	for _, want := range []Event{
		TransferFailed{2, sender, newcomer.id, uint16(shards)}, TransferFined{2, newcomer.id, own}, TransferFined{2, sender, fine},
	} {
		if !slices.Contains(events, want) {
			t.Errorf("no event %+v among %+v", want, events)
		}
	}
	paid, helpers := uint64(0), 0
	for _, e := range events {
		if e, ok := e.(HelperPaid); ok {
			if e.Node == sender || e.Node == newcomer.id {
				t.Errorf("%x helped itself", e.Node)
			}
			paid, helpers = paid+e.Amount, helpers+1
		}
	}
	if pot := (fine + own) * 6000 / 10_000; helpers < 2 || paid > pot || pot-paid > uint64(helpers) {
		t.Errorf("%d paid to %d helpers of %d", paid, helpers, pot)
	}
	if got, want := w.state.System().Burned-burned, fine+own-paid; got != want {
		t.Errorf("%d burned, want %d", got, want)
	}
	if n := Get[Node](w.state, NodeKey(sender)); n.Slashed != fine {
		t.Errorf("%d slashed of the sender, want %d", n.Slashed, fine)
	}
	w.checkInvariants()
}

// TestTransferNotFined: nobody pays where genesis has no fines, in an epoch that is not settled, or
// when all shards were handed over; a member that never got its shards pays alone.
func TestTransferNotFined(t *testing.T) {
	rules := MigrationRules{Sender: 2000, Receiver: 500, Helpers: 6000}
	for name, tt := range map[string]struct {
		rules     MigrationRules
		recovered bool // the newcomer reports, and names everybody
		late      bool // the newcomer never reports
		unsettled bool // nobody else does
		want      int  // of those who are fined
	}{
		"no rules":    {recovered: true},
		"all is well": {rules: rules},
		"unsettled":   {rules: rules, recovered: true, unsettled: true},
		"late":        {rules: rules, late: true, want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w, newcomer, from := moving(t, tt.rules)
			report := ReportSynced{Node: newcomer.id, Epoch: 2}
			if tt.recovered {
				report.Recovered = from
			}
			if !tt.late {
				w.do(newcomer.owner, report)
			}
			for _, m := range w.members {
				if !tt.unsettled && m.id != newcomer.id && w.committee().weightOf(m.id) > 0 {
					w.do(m.owner, ReportSynced{Node: m.id, Epoch: 2})
				}
			}
			fined := 0
			for range 8 {
				for _, e := range w.pass(testEpoch / 4) {
					if e, ok := e.(TransferFined); ok {
						if fined++; e.Node != newcomer.id {
							t.Errorf("%x is fined", e.Node)
						}
					}
				}
				if w.state.System().Epoch == 3 {
					break
				}
			}
			if fined != tt.want || w.state.System().Epoch != 3 {
				t.Errorf("%d fined, want %d", fined, tt.want)
			}
			w.checkInvariants()
		})
	}
}

// TestFalseTransfers: nobody is accused who had nothing to hand over, nor twice.
func TestFalseTransfers(t *testing.T) {
	w, newcomer, from := moving(t, MigrationRules{Sender: 1})
	twice := []NodeID{from[0], from[0]}
	for name, tt := range map[string]struct {
		recovered []NodeID
		want      Rule
	}{
		"twice": {twice, RuleTwice}, "itself": {[]NodeID{newcomer.id}, RuleMember}, "nobody": {[]NodeID{{}}, RuleMember}, "in order": {from, ""},
	} {
		copied := *w
		if r, _ := copied.try(newcomer.owner, ReportSynced{Node: newcomer.id, Epoch: 2, Recovered: tt.recovered}); RuleOf(r.Err) != tt.want {
			t.Errorf("%s: %v, want rule %q", name, r.Err, tt.want)
		}
	}
	for name, rules := range map[string]MigrationRules{"sender": {Sender: 10_001}, "receiver": {Receiver: 10_001}, "helpers": {Helpers: 10_001}} {
		g := newWorld(t).state.Genesis()
		g.Migration = rules
		if _, err := Begin(g); err == nil {
			t.Errorf("%s: a ledger begins in which more than all is fined", name)
		}
	}
}

// TestExcused: a member that the epoch gave shards which it has not got yet when the challenge is
// armed does not fail it, and is not paid; one that has reported, or got none, does fail.
func TestExcused(t *testing.T) {
	for _, reported := range []bool{false, true} {
		w := newWorldWith(t, func(g *Genesis) {
			g.Challenges, g.SyncMillis = ChallengeRules{Mode: ChallengesLight, Strikes: 1}, testEpoch/4
		})
		newcomer := w.join(testStake)
		w.nextEpochBut(map[NodeID]bool{newcomer.id: !reported})
		w.fund()
		w.pass(testEpoch / 2)
		c := w.challenge()
		i := w.committee().index(newcomer.id)
		if want := !reported; slices.Contains(c.Excused, uint16(i)) != want || len(c.Excused) > 1 {
			t.Errorf("reported %v: excused are %v, and the newcomer is member %d", reported, c.Excused, i)
		}
		for i := range w.members[:4] {
			if !w.challenge().Started() {
				w.do(w.people[2], w.ack(i, oneBlob))
			}
		}
		for i := range w.members[:4] {
			w.do(w.people[2], w.passOf(i, 0, 1, 2, 3))
		}
		w.pass(testEpoch / 2)
		n := Get[Node](w.state, NodeKey(newcomer.id))
		if failed := n.Failed > 0; failed != reported || failed != (n.Slashed > 0) || n.Last.Reward > 0 {
			t.Errorf("reported %v: the newcomer has failed %d, lost %d, earned %d", reported, n.Failed, n.Slashed, n.Last.Reward)
		}
		w.checkInvariants()
	}
}

// TestDoubt: when members with more than f shards cannot read though challenges are passed, the next
// ones draw twice as many blobs, and fewer again when they can.
func TestDoubt(t *testing.T) {
	w := challenged(t, ChallengeRules{})
	m := w.members
	if r, _ := w.try(m[0].owner, DoubtChallenges{m[0].id, 2}); RuleOf(r.Err) != RulePhase {
		t.Errorf("before a challenge was passed: %v, want rule %q", r.Err, RulePhase)
	}
	*w = *w.passedWorld()
	draws := w.challenge().Draws
	w.pass(testEpoch / 2)
	var got []uint64
	for range 6 {
		for _, m := range m {
			w.do(m.owner, ReportSynced{Node: m.id, Epoch: w.state.System().Epoch})
		}
		epoch := w.state.System().Epoch
		if epoch < 5 { // members with 3 and 2 shards of 10; f is 3
			w.do(m[0].owner, DoubtChallenges{m[0].id, epoch})
			if r, _ := w.try(m[0].owner, DoubtChallenges{m[0].id, epoch}); RuleOf(r.Err) != RuleTwice {
				t.Errorf("a second time: %v, want rule %q", r.Err, RuleTwice)
			}
			w.do(m[1].owner, DoubtChallenges{m[1].id, epoch})
		} else { // f shards are not enough
			for i, one := range m {
				if w.committee().weightOf(one.id) == 3 {
					w.do(one.owner, DoubtChallenges{m[i].id, epoch})
					break
				}
			}
		}
		w.pass(testEpoch / 2)
		*w = *w.passedWorld()
		got = append(got, w.challenge().Draws/draws)
		w.pass(testEpoch / 2)
	}
	if want := []uint64{1, 2, 4, 2, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("times the draws of the first challenge: %v, want %v", got, want)
	}
	for _, tt := range []struct{ draws, want uint64 }{{3, 3 << 32}, {1 << 40, 1<<64 - 1}} {
		if got := doubled(tt.draws, 32); got != tt.want {
			t.Errorf("%d doubled 32 times is %d, want %d", tt.draws, got, tt.want)
		}
	}
}
