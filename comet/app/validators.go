package app

import (
	"bytes"
	"fmt"
	"slices"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cryptoproto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	"github.com/cometbft/cometbft/types"

	"github.com/redstuff-go/redstuff/node/ledger"
)

// Validator votes on blocks with so much power.
type Validator struct {
	Key   [ed25519.PubKeySize]byte
	Power uint32
}

// validatorsOf returns the members of the committee with their shards as power, in the
// order of their keys.
func validatorsOf(s *ledger.State) []Validator {
	c := ledger.Get[ledger.Committee](s, ledger.CommitteeKey(s.System().Epoch))
	all := make([]Validator, len(c.Members))
	for i, m := range c.Members {
		all[i] = Validator{m.TLSKey, uint32(len(m.Shards))}
	}
	return sorted(all)
}

func sorted(all []Validator) []Validator {
	slices.SortFunc(all, func(a, b Validator) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	return all
}

// step returns the validators that come next on the way from now to target, both in the
// order of keys and with the same power in all. Less than a third of the power moves. So
// of more than two thirds who sign next, more than a third signed before: whoever
// trusts the ones can tell that the others are right.
func step(now, target []Validator) []Validator {
	powers, total := make(map[[32]byte][2]uint32), uint32(0)
	for _, v := range now {
		powers[v.Key] = [2]uint32{v.Power, 0}
		total += v.Power
	}
	for _, v := range target {
		powers[v.Key] = [2]uint32{powers[v.Key][0], v.Power}
	}
	keys := make([]Validator, 0, len(powers))
	for key := range powers {
		keys = append(keys, Validator{Key: key})
	}
	most := max(1, (total+2)/3-1) // less than a third
	lose, gain := most, most
	next := keys[:0]
	for _, v := range sorted(keys) {
		have, want := powers[v.Key][0], powers[v.Key][1]
		if v.Power = have; want < have {
			d := min(have-want, lose)
			lose -= d
			v.Power -= d
		} else {
			d := min(want-have, gain)
			gain -= d
			v.Power += d
		}
		if v.Power > 0 {
			next = append(next, v)
		}
	}
	return next
}

// updates returns what CometBFT has to be told of a step: power 0 removes.
func updates(now, next []Validator) []abci.ValidatorUpdate {
	var all []abci.ValidatorUpdate
	for _, v := range next {
		if !slices.Contains(now, v) {
			all = append(all, update(v.Key, v.Power))
		}
	}
	for _, v := range now {
		if !slices.ContainsFunc(next, func(n Validator) bool { return n.Key == v.Key }) {
			all = append(all, update(v.Key, 0))
		}
	}
	return all
}

func update(key [32]byte, power uint32) abci.ValidatorUpdate {
	return abci.ValidatorUpdate{PubKey: cryptoproto.PublicKey{Sum: &cryptoproto.PublicKey_Ed25519{Ed25519: key[:]}}, Power: int64(power)}
}

// set returns the validators as CometBFT has them.
func set(all []Validator) *types.ValidatorSet {
	validators := make([]*types.Validator, len(all))
	for i, v := range all {
		validators[i] = types.NewValidator(ed25519.PubKey(v.Key[:]), int64(v.Power))
	}
	return types.NewValidatorSet(validators)
}

// fromSet is the inverse of set.
func fromSet(s *types.ValidatorSet) ([]Validator, error) {
	all := make([]Validator, len(s.Validators))
	for i, v := range s.Validators {
		if v.PubKey.Type() != ed25519.KeyType || v.VotingPower > 1<<31 {
			return nil, fmt.Errorf("%w: a validator with a key of %s and power %d", ErrState, v.PubKey.Type(), v.VotingPower)
		}
		copy(all[i].Key[:], v.PubKey.Bytes())
		all[i].Power = uint32(v.VotingPower)
	}
	return sorted(all), nil
}

// ValidatorSet returns the members of the state's committee as CometBFT has them.
func ValidatorSet(s *ledger.State) *types.ValidatorSet { return set(validatorsOf(s)) }
