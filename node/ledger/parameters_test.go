package ledger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redstuff-go/redstuff/node/ledger/apportion"
)

func voteFor(p Parameter, value uint16) []ParameterVote { return []ParameterVote{{uint8(p), value}} }

// TestParameters: what the members of the next epoch vote for is selected with it and is in force when
// it begins, so that the epoch before is judged by what was in force in it; who does not vote wants
// what there is.
func TestParameters(t *testing.T) {
	w := newWorldWith(t, func(g *Genesis) { g.Challenges = ChallengeRules{Mode: ChallengesLight, Strikes: 1, Penalty: 1000} })
	w.nextEpoch()
	began, next := w.state.Parameters()
	if want := (Parameters{Missing: DefaultMissing, Error: DefaultError, Strikes: 1, Penalty: 1000}); began != want || next != nil {
		t.Fatalf("parameters %+v and then %+v, want those of genesis, %+v, and none before they are selected", began, next, want)
	}
	if Get[Governance](w.state, GovernanceKey()) != nil {
		t.Error("nobody has voted, and there is an entry")
	}
	wanted := began
	wanted.Penalty, wanted.Sender = 3000, 200
	for _, m := range w.members[:2] {
		w.do(m.owner, VoteParameters{m.id, []ParameterVote{{uint8(ParameterPenalty), 3000}, {uint8(ParameterSender), 200}}})
	}
	w.pass(testEpoch / 2)
	if now, next := w.state.Parameters(); now != began || next == nil || *next != began {
		t.Fatalf("half of the members have voted: %+v and then %+v, want both as before", now, next)
	}
	w.pass(testEpoch / 2)
	w.do(w.members[2].owner, VoteParameters{w.members[2].id, []ParameterVote{{uint8(ParameterPenalty), 4000}, {uint8(ParameterSender), 200}}})
	w.do(w.members[3].owner, VoteParameters{w.members[3].id, voteFor(ParameterSender, 10_000)})
	for _, m := range w.members {
		w.do(m.owner, ReportSynced{Node: m.id, Epoch: 3})
	}
	events := w.pass(testEpoch / 2)
	if want := (ParametersSelected{4, wanted}); !slices.Contains(events, Event(want)) {
		t.Errorf("events %+v, and none is %+v", events, want)
	}
	if now, next := w.state.Parameters(); now != began || next == nil || *next != wanted {
		t.Fatalf("%+v and then %+v, want %+v and then %+v", now, next, began, wanted)
	}
	w.do(w.members[0].owner, VoteParameters{w.members[0].id, nil}) // too late for epoch 4
	fined := func(rate uint64) {
		t.Helper()
		for i := range w.members {
			w.do(w.people[2], w.ack(i, oneBlob))
			if w.challenge().Started() {
				break
			}
		}
		for i := range 3 {
			w.do(w.people[2], w.passOf(i, 0, 1, 2, 3))
		}
		cheat := w.members[3].id
		before := Get[Node](w.state, NodeKey(cheat)).Balance
		epoch := w.state.System().Epoch
		events := w.pass(testEpoch / 2)
		if want := (StakeSlashed{epoch, cheat, before * rate / basisPoints, before * rate / basisPoints}); !slices.Contains(events, Event(want)) {
			t.Errorf("events %+v, and none is %+v", events, want)
		}
		for _, m := range w.members {
			if epoch := w.state.System().Epoch; w.committee().weightOf(m.id) > 0 {
				w.do(m.owner, ReportSynced{Node: m.id, Epoch: epoch})
			}
		}
	}
	fined(1000) // by what was in force in epoch 3
	if now, next := w.state.Parameters(); now != wanted || next != nil {
		t.Fatalf("in epoch 4: %+v and then %+v, want %+v", now, next, wanted)
	}
	w.pass(testEpoch / 2)
	fined(3000)
	value, found, err := w.state.Prove(GovernanceKey()).Verify(w.state.Root(), GovernanceKey())
	var proven Governance
	if err != nil || !found || Read(value, &proven) != nil || proven != (Governance{wanted, wanted}) {
		t.Errorf("proven is %+v (%v, %v), want %+v", proven, found, err, wanted)
	}
	w.checkInvariants()
}

// TestParametersOfEnemies: with f shards enemies have a parameter be nothing that is less, or more, than what
// all others want; with n-f shards members have it be what they want.
func TestParametersOfEnemies(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		n := 4 + random.IntN(60)
		f := (n - 1) / 3
		for i, p := range parameters {
			least, most := uint64(p.most), uint64(p.least)
			var votes []apportion.Vote
			for left := n; left > 0; {
				v := apportion.Vote{Value: uint64(p.least) + uint64(random.IntN(int(p.most-p.least)+1)), Weight: min(left, 1+random.IntN(4))}
				switch {
				case n-left+v.Weight <= f && random.IntN(2) == 0: // an enemy
					v.Value = []uint64{uint64(p.least), uint64(p.most)}[random.IntN(2)]
				default:
					least, most = min(least, v.Value), max(most, v.Value)
				}
				votes = append(votes, v)
				left -= v.Weight
			}
			if got := p.agreed(votes); got < least || got > most {
				t.Fatalf("%v of %v is %d, and honest members want %d to %d", Parameter(i), votes, got, least, most)
			}
			want := uint64(p.least)
			for j := range votes {
				votes[j].Value = want
			}
			votes = append(votes, apportion.Vote{Value: uint64(p.most), Weight: (n - 1) / 2}) // less than a third of all
			if got := p.agreed(votes); got != want {
				t.Fatalf("%v of %v is %d, and all but less than a third want %d", Parameter(i), votes, got, want)
			}
		}
	}
}

// TestParameterRefusals: whatever a ballot has that is none is refused, and says why.
func TestParameterRefusals(t *testing.T) {
	on := newWorldWith(t, func(g *Genesis) { g.Challenges.Mode = ChallengesLight })
	off := newWorld(t)
	rich := newWorldWith(t, func(g *Genesis) { g.Balances = append(g.Balances, Balance{Address{9}, maxMoney}) })
	type test struct {
		name  string
		world *world
		votes []ParameterVote
		want  Rule
	}
	tests := []test{
		{"no such parameter", on, voteFor(numParameters, 1), RuleUnknown},
		{"twice", on, slices.Repeat(voteFor(ParameterPenalty, 1), 2), RuleTwice},
		{"in the wrong order", on, append(voteFor(ParameterSender, 1), voteFor(ParameterError, 1)...), RuleTwice},
		{"of no challenges", off, voteFor(ParameterHelpers-3, 1), RuleUnknown},
		{"fines without challenges", off, voteFor(ParameterHelpers, 1), ""},
		{"more money than can be fined", rich, voteFor(ParameterHelpers, 1), RuleUnknown},
		{"none", on, nil, ""},
	}
	for _, p := range AllParameters() {
		least, most := p.Bounds()
		tests = append(tests,
			test{fmt.Sprintf("the least %v", p), on, voteFor(p, least), ""}, test{fmt.Sprintf("the most %v", p), on, voteFor(p, most), ""},
			test{fmt.Sprintf("more than the most %v", p), on, voteFor(p, most+1), RuleAmount})
		if least > 0 {
			tests = append(tests, test{fmt.Sprintf("less than the least %v", p), on, voteFor(p, least-1), RuleAmount})
		}
	}
	for _, tt := range tests {
		m := tt.world.members[0]
		if r, _ := tt.world.try(m.owner, VoteParameters{m.id, tt.votes}); RuleOf(r.Err) != tt.want {
			t.Errorf("%s: %v, want rule %q", tt.name, r.Err, tt.want)
		}
	}
	// Whatever members may vote for a genesis may have, and nothing else.
	for _, p := range AllParameters() {
		least, most := p.Bounds()
		for value, want := range map[uint16]bool{least: true, most: true, most + 1: false} {
			g := on.state.Genesis()
			all := g.parameters()
			*parameters[p].of(&all) = value
			g.Challenges.Missing, g.Challenges.Error, g.Challenges.Strikes = all.Missing, all.Error, all.Strikes
			g.Challenges.Penalty, g.Challenges.FinesShared, g.Migration = all.Penalty, all.FinesShared, all.migration()
			if _, err := Begin(g); (err == nil) != want {
				t.Errorf("a genesis whose %v is %d: %v, want that to be %v", p, value, err, want)
			}
		}
	}
	if got := Parameter(200).String(); got != "parameter 200" {
		t.Errorf("a parameter that is none is %q", got)
	}
}
