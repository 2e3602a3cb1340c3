// Package chain is what those who use a ledger see of it, whatever runs it: they submit
// transactions, follow events, and read the state and its proofs.
//
// A [Backend] is a ledger in this process, with its whole state; there is one on a log
// in package embedded, and others may come. A [Ledger] is what can be asked from
// elsewhere, too: [Local] makes one of a backend, and package rpc has a client that is
// one. What a remote ledger answers is no better than its server, but for proofs.
package chain

import (
	"context"
	"errors"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

var (
	// ErrBusy is returned when a ledger has so much to do that it takes nothing more.
	ErrBusy = errors.New("the ledger is busy, try again")
	// ErrNoQuorum is returned when a transaction waits and there are no blocks: so many of
	// those who make them are out of reach that the others are no quorum.
	ErrNoQuorum = errors.New("the ledger has no new blocks: too many of its validators are out of reach")
	// ErrClosed is returned when a ledger was closed, or has failed.
	ErrClosed = errors.New("the ledger is closed")
)

// Backend is a ledger in this process. Its methods are safe for concurrent use.
type Backend interface {
	Submitter
	Follower
	// State returns the state after the last block.
	State() *ledger.State
}

// Ledger is a ledger as it can be asked from anywhere. Its methods are safe for
// concurrent use, and end with their contexts.
type Ledger interface {
	Submitter
	Follower
	// Genesis returns how the ledger began.
	Genesis(ctx context.Context) (ledger.Genesis, error)
	// Status returns the ledger as it is now.
	Status(ctx context.Context) (Status, error)
	// Blob returns what the ledger says of a blob id.
	Blob(ctx context.Context, id commit.BlobID) (Blob, error)
	// Prove returns the proof of the value of a key, or of its absence.
	Prove(ctx context.Context, key []byte) (Proof, error)
	// List returns up to limit keys with the prefix, which come after the key after,
	// in their order; nil is before all of them. Less than limit may be there, and
	// more to come.
	List(ctx context.Context, prefix, after []byte, limit int) (Page, error)
}

// Submitter takes transactions.
type Submitter interface {
	// Submit puts a transaction into a block, and returns when the block is durable. A
	// transaction that broke a rule has it in its receipt. The error is a
	// *ledger.RuleError if the transaction cannot be in a block at all; ErrBusy or
	// ErrBehind if it was not taken; or else ErrNoQuorum, ErrClosed, that of a connection
	// or the context's: then it may be in a block all the same.
	Submit(ctx context.Context, tx []byte) (Receipt, error)
}

// Follower tells of events.
type Follower interface {
	// Events returns up to limit events from the cursor on, in their order, and the
	// place behind them. If there are none, it waits for some, but no longer than until
	// the context ends, and returns none.
	Events(ctx context.Context, from Cursor, limit int) ([]Event, Cursor, error)
}

// Receipt tells in which block a transaction is, and what became of it.
type Receipt struct {
	Height uint64
	ledger.Result
}

// Cursor is a place in the sequence of all events: event Index of those of the block
// Height. The zero value is the beginning.
type Cursor struct {
	Height uint64 `json:"height"`
	Index  uint32 `json:"index"`
}

// Before tells whether the place is before another one.
func (c Cursor) Before(other Cursor) bool {
	return c.Height < other.Height || c.Height == other.Height && c.Index < other.Index
}

// Event is an event with its place, and the transaction that caused it: none for what
// time brought.
type Event struct {
	Cursor
	Tx    *ledger.TxDigest
	Event ledger.Event
}

// Next returns the place behind the event.
func (e Event) Next() Cursor { return Cursor{e.Height, e.Index + 1} }

// Proof shows what the value of a key is at a height. Verify it against a root that is
// known to be the ledger's.
type Proof struct {
	Height uint64
	Root   tree.Hash
	Proof  *tree.Proof
}

// Page is some keys and values of the state at a height, in the order of keys.
type Page struct {
	Height uint64
	Pairs  []Pair
	More   bool // there are more keys after the last one
}

// Pair is a key of the state and its value.
type Pair struct{ Key, Value []byte }

// pageLength is how many keys are asked for at once.
const pageLength = 1000

// ListAll calls take with all keys that have the prefix, page by page, in their order,
// until it returns an error.
func ListAll(ctx context.Context, l Ledger, prefix []byte, take func(Pair) error) error {
	var after []byte
	for {
		page, err := l.List(ctx, prefix, after, pageLength)
		if err != nil {
			return err
		}
		for _, p := range page.Pairs {
			if err := take(p); err != nil {
				return err
			}
			after = p.Key
		}
		if !page.More {
			return nil
		}
	}
}
