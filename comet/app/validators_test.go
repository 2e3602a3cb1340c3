package app

import (
	"testing"
	"time"

	"github.com/cometbft/cometbft/types"
	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// moved returns how much power the one set has and the other one has not.
func moved(from, to []Validator) (power, total uint32) {
	has := make(map[[32]byte]uint32)
	for _, v := range to {
		has[v.Key] = v.Power
	}
	for _, v := range from {
		total += v.Power
		power += v.Power - min(v.Power, has[v.Key])
	}
	return power, total
}

// TestStep: from any validators to any others, each step moves less than a third of the
// power, CometBFT takes it, and the last one is the target.
func TestStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 60).Draw(t, "shards")
		committee := func(label string) []Validator {
			powers := make(map[byte]uint32)
			for range n {
				powers[rapid.ByteRange(0, 12).Draw(t, label)]++
			}
			var all []Validator
			for key, power := range powers {
				all = append(all, Validator{Key: [32]byte{key, 1}, Power: power})
			}
			return sorted(all)
		}
		now, target := committee("now"), committee("target")
		known := set(now)
		third := (n - 1) / 3 // what is less than a third moves at once
		for steps := 0; len(updates(now, target)) > 0; steps++ {
			if steps*third >= n {
				t.Fatalf("%d steps, and the validators are %v, not %v", steps, now, target)
			}
			next := step(now, target)
			lost, total := moved(now, next)
			gained, after := moved(next, now)
			if 3*lost >= total || 3*gained >= after || total != after {
				t.Fatalf("from %v to %v: of %d, %d are lost and %d gained", now, next, total, lost, gained)
			}
			changes, err := types.PB2TM.ValidatorUpdates(updates(now, next))
			if err != nil {
				t.Fatal(err)
			}
			if err := known.UpdateWithChangeSet(changes); err != nil {
				t.Fatal(err)
			}
			if string(known.Hash()) != string(set(next).Hash()) {
				t.Fatalf("CometBFT has %v, want %v", known, next)
			}
			now = next
		}
	})
}

// TestFollow: when stake moves to another node, the next epoch's committee votes, and
// ticks bring the blocks for it.
func TestFollow(t *testing.T) {
	s := begin(t, databases(t), "a", nil)
	tx := func(i int, nonce uint64, a ledger.Action) []byte {
		data, err := ledger.Tx{Chain: s.app.State().ChainID(), Nonce: nonce, FeePerByte: 1 << 10, Action: a}.Sign(world.Owner(i))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	// A fifth node with ten times the stake of all others: most shards will be its.
	info := world.Info(4)
	info.TLSProof = ledger.ProveTLSKey(world.TLS(4), world.Address(world.Owner(0)))
	s.check(tx(0, 0, ledger.RegisterNode{Node: info}))
	s.block()
	for id, n := range s.app.State().Nodes() {
		if n.Info.Name == info.Name {
			s.check(tx(0, 1, ledger.StakeWith{Node: id, Amount: 10 * world.Stake}))
		}
	}
	s.block()
	for _, r := range s.results {
		if r.Code != 0 {
			t.Fatalf("the stake is refused: %s", r.Log)
		}
	}
	begun := s.app.Validators()
	epochs, blocks, steps := 0, 0, 0
	for epoch := uint32(1); epochs < 3; {
		s.time = s.time.Add(time.Second)
		if tick := s.app.Tick(); tick != nil {
			if r := s.check(tick); r.Code != 0 {
				t.Fatalf("a tick is refused: %s", r.Log)
			}
		}
		if len(s.pool) == 0 {
			continue // nothing wakes CometBFT
		}
		before := s.app.Validators()
		s.block()
		blocks++
		if len(updates(before, s.app.Validators())) > 0 {
			steps++
			if lost, total := moved(before, s.app.Validators()); 3*lost >= total {
				t.Fatalf("%d of %d are lost at once", lost, total)
			}
		}
		if now := s.app.State().System().Epoch; now != epoch {
			epoch, epochs = now, epochs+1
		}
	}
	for i := 0; s.app.Tick() != nil && i < 10; i++ {
		s.pool = [][]byte{s.app.Tick()}
		s.block()
	}
	want := validatorsOf(s.app.State())
	if len(updates(s.app.Validators(), want)) > 0 || len(updates(begun, want)) == 0 {
		t.Errorf("validators %v, want those of the committee, %v, and others than at the start", s.app.Validators(), want)
	}
	if steps < 2 {
		t.Errorf("%d steps, want several", steps)
	}
	if blocks > 60 {
		t.Errorf("%d blocks for 3 epochs", blocks)
	}
}
