package app

import (
	"bytes"
	"crypto/sha256"
	"slices"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Offence is what a validator did of which a block has the proof. The ledger takes nothing
// for it by itself: its rule is that members vote on whose commission is burned, and this
// is what they know when they vote.
type Offence struct {
	Height    uint64    `json:"height"` // of CometBFT's chain, at which it was done
	Kind      string    `json:"kind"`
	Validator chain.Hex `json:"validator"` // its address: the hash of its key
	Power     uint64    `json:"power"`
	Node      string    `json:"node"` // the member whose validator it is; "" if no late committee has it
}

// Kinds of offences.
const (
	DuplicateVote     = "duplicate_vote"      // it voted twice for one step
	LightClientAttack = "light_client_attack" // it signed a header that is not the chain's
)

// maxOffences bounds how many are kept: the last ones.
const maxOffences = 256

// offencesOf returns what a block proves, by the state before it.
func offencesOf(s *ledger.State, all []abci.Misbehavior) (found []Offence) {
	for _, m := range all {
		o := Offence{Height: uint64(m.Height), Validator: m.Validator.Address, Power: uint64(m.Validator.Power), Node: memberOf(s, m.Validator.Address)}
		switch m.Type {
		case abci.MisbehaviorType_DUPLICATE_VOTE:
			o.Kind = DuplicateVote
		case abci.MisbehaviorType_LIGHT_CLIENT_ATTACK:
			o.Kind = LightClientAttack
		default:
			o.Kind = m.Type.String()
		}
		found = append(found, o)
	}
	return found
}

// addressSize is the length of a validator's address in bytes.
const addressSize = 20

// memberOf returns the name of the member, now or in the epoch before, that has the
// validator with the address.
func memberOf(s *ledger.State, address []byte) string {
	for back := uint32(0); back < 2 && back < s.System().Epoch; back++ {
		c := ledger.Get[ledger.Committee](s, ledger.CommitteeKey(s.System().Epoch-back))
		if c == nil {
			continue
		}
		for _, m := range c.Members {
			if digest := sha256.Sum256(m.TLSKey[:]); bytes.Equal(digest[:addressSize], address) {
				return m.Name
			}
		}
	}
	return ""
}

// remember adds offences to those that are kept.
func remember(kept, more []Offence) []Offence {
	all := slices.Concat(kept, more)
	return all[max(0, len(all)-maxOffences):]
}

// offenceList is the list as it is kept on the disk.
type offenceList struct{ All []Offence }
