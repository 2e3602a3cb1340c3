package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"

	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// Restore returns the state of a snapshot. Whoever did not make the snapshot compares
// its root with one that a quorum stands for. The error wraps ErrGenesis, or ErrSnapshot
// if no ledger has these keys and values.
func Restore(g Genesis, snapshot iter.Seq2[[]byte, []byte]) (*State, error) {
	g.fill()
	if err := g.validate(); err != nil {
		return nil, err
	}
	s, err := newState(g)
	if err != nil {
		return nil, err
	}
	var last []byte
	for k, v := range snapshot {
		if last != nil && string(k) <= string(last) {
			return nil, fmt.Errorf("%w: key %q does not come after %q", ErrSnapshot, k, last)
		}
		if err := checkPair(k, v); err != nil {
			return nil, fmt.Errorf("%w: key %q: %w", ErrSnapshot, k, err)
		}
		last = append([]byte(nil), k...)
		s.tree = s.tree.Set(last, append([]byte(nil), v...))
	}
	if get[System](s.tree, SystemKey()) == nil {
		return nil, fmt.Errorf("%w: it has no system", ErrSnapshot)
	}
	return s, nil
}

// Lengths of what names things, in bytes.
const (
	nameSize   = sha256.Size
	numberSize = 4
)

// form is what keys and values of a kind are made of.
type form struct {
	length int // of a key, with its kind; 0 if it differs
	value  func([]byte) error
}

// forms are those of all kinds.
var forms = map[byte]form{
	kindAccount:    {1 + nameSize, reads[Account]},
	kindBlob:       {1 + nameSize, reads[Blob]},
	kindByBlobID:   {1 + 2*nameSize, reads[struct{}]},
	kindCommittee:  {1 + numberSize, reads[Committee]},
	kindChallenge:  {1, reads[Challenge]},
	kindDoubt:      {1, reads[Doubt]},
	kindTransfers:  {1, reads[Transfers]},
	kindGovernance: {1, reads[Governance]},
	kindBallot:     {1 + nameSize, reads[Ballot]},
	kindSynced:     {1 + numberSize + nameSize, reads[bool]},
	kindHandover:   {1 + numberSize, reads[Certified]},
	kindInvalid:    {1 + nameSize, reads[Invalid]},
	kindClaim:      {0, reads[NodeID]},
	kindLast:       {1, reads[Certified]},
	kindNode:       {1 + nameSize, reads[Node]},
	kindOpen:       {1 + numberSize, reads[OpenCheckpoint]},
	kindSlot:       {1 + numberSize, reads[Slot]},
	kindStorage:    {1 + nameSize, reads[Storage]},
	kindStake:      {1 + nameSize, reads[Stake]},
	kindActive:     {1, reads[[]ActiveNode]},
	kindRate:       {1 + nameSize + numberSize, reads[Rate]},
	kindSystem:     {1, reads[System]},
	kindSlashing:   {1 + nameSize, reads[Slashing]},
}

// reads reports whether a value is one of the type.
func reads[T any](value []byte) error { return codec.Unmarshal(value, new(T)) }

// checkPair says what is wrong with a key or its value.
func checkPair(key, value []byte) error {
	if len(key) == 0 {
		return errors.New("it is empty")
	}
	f, known := forms[key[0]]
	if !known {
		return fmt.Errorf("no kind %q is known", key[:1])
	}
	if f.length != 0 && len(key) != f.length {
		return fmt.Errorf("%d bytes, and its kind has %d", len(key), f.length)
	}
	return f.value(value)
}
