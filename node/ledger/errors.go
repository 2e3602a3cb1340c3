package ledger

import (
	"errors"
	"fmt"
)

// Rule names the rule that a transaction broke.
type Rule string

// The rules.
const (
	RuleMalformed Rule = "malformed"       // the bytes are no transaction
	RuleChain     Rule = "other_chain"     // it was signed for another ledger
	RuleSignature Rule = "signature"       // the signature is not the sender's
	RuleNonce     Rule = "nonce"           // it is not the sender's next one
	RuleFee       Rule = "fee"             // it offers less than it costs
	RuleFunds     Rule = "funds"           // the sender has too little
	RuleOverflow  Rule = "overflow"        // an amount does not fit into 64 bits
	RuleUnknown   Rule = "unknown_object"  // there is no such thing
	RuleOwner     Rule = "not_owner"       // it is somebody else's
	RuleAmount    Rule = "amount"          // zero, or too small, or too large
	RuleEpochs    Rule = "epochs"          // none, in the past, or too far ahead
	RuleCapacity  Rule = "capacity"        // the nodes do not have the room
	RuleMismatch  Rule = "mismatch"        // two storages that cannot be joined
	RuleExpired   Rule = "expired"         // the storage has ended, or has not begun
	RuleSize      Rule = "storage_size"    // the storage is too small for the blob
	RuleBlobID    Rule = "blob_id"         // the id is not that of the root and length
	RuleCertified Rule = "certified"       // it is certified already, or is not yet
	RuleProof     Rule = "certificate"     // the certificate does not hold
	RuleEpoch     Rule = "other_epoch"     // the certificate is not of this epoch
	RulePermanent Rule = "permanent"       // the blob is not deletable
	RuleInvalid   Rule = "invalid_blob"    // the blob is marked invalid
	RuleText      Rule = "text"            // a name, an address or an attribute
	RuleKey       Rule = "key"             // a key is in use, or its owner is not proven
	RuleRate      Rule = "commission_rate" // more than all
	RuleStake     Rule = "stake"           // the stake is not in the state for this
	RuleEarly     Rule = "too_early"       // its epoch has not come
	RuleMember    Rule = "not_member"      // the node is not in the committee
	RuleTwice     Rule = "twice"           // it was done already
	RulePhase     Rule = "phase"           // not in this phase of the epoch
)

// RuleError is returned for a transaction that breaks a rule.
type RuleError struct {
	Rule   Rule
	Detail string
}

func (e *RuleError) Error() string { return fmt.Sprintf("ledger: %s: %s", e.Rule, e.Detail) }

// broken returns a RuleError.
func broken(rule Rule, format string, args ...any) error {
	return &RuleError{rule, fmt.Sprintf(format, args...)}
}

// RuleOf returns the rule that err is about, or none.
func RuleOf(err error) Rule {
	var e *RuleError
	if errors.As(err, &e) {
		return e.Rule
	}
	return ""
}

// ErrGenesis is returned when a ledger cannot begin so. What wraps it says why.
var ErrGenesis = errors.New("ledger: invalid genesis")

// ErrSnapshot is returned when keys and values are not those of a ledger's state.
var ErrSnapshot = errors.New("ledger: malformed snapshot")

// ErrBlock is returned when a block cannot follow on a state.
var ErrBlock = errors.New("ledger: block does not follow")
