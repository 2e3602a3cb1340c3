package light

import "errors"

// What can be wrong with what a source says. Each error of a [Client] wraps one of them,
// or the context's.
var (
	// ErrSource is returned when a source does not answer, or not what it was asked for.
	// What wraps it says why.
	ErrSource = errors.New("light: source does not answer")
	// ErrMessage is returned when bytes are no message, or more than a message can have.
	ErrMessage = errors.New("light: malformed message")
	// ErrChain is returned for a checkpoint of another ledger.
	ErrChain = errors.New("light: other ledger")
	// ErrEpoch is returned for a checkpoint of another epoch than the one that follows,
	// and for an epoch that has no committee yet.
	ErrEpoch = errors.New("light: wrong epoch")
	// ErrHandover is returned for a checkpoint that leads nowhere: it names no next
	// committee.
	ErrHandover = errors.New("light: no next committee")
	// ErrQuorum is returned when the signers of a checkpoint own too few shards.
	ErrQuorum = errors.New("light: signers own too few shards")
	// ErrSignature is returned when a certificate is not that of the checkpoint, or of
	// the committee.
	ErrSignature = errors.New("light: forged certificate")
	// ErrCommittee is returned when members are not those that the committee before has
	// signed.
	ErrCommittee = errors.New("light: forged committee")
	// ErrStale is returned when the last checkpoint is older than one that the client
	// has seen, or than it accepts.
	ErrStale = errors.New("light: stale checkpoint")
	// ErrFork is returned when two checkpoints of one height are certified that say
	// different things: more than a third of a committee lies.
	ErrFork = errors.New("light: two states of one height are certified")
	// ErrProof is returned when a proof does not show what it was asked for.
	ErrProof = errors.New("light: wrong proof")
	// ErrStore is returned when what was stored is malformed, or of another ledger.
	ErrStore = errors.New("light: wrong store")
)
