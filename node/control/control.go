// Package control is what nodes and clients see of a control plane: who is in the
// committees of the epochs, and who may write.
//
// The smallest one is [github.com/redstuff-go/redstuff/node/control/fixed]: a file that
// all share, with one epoch for ever. One with a ledger says which blobs may be stored,
// too, and until when: package follow has it, on whatever package chain calls a ledger.
package control

import (
	"context"
	"errors"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/epoch"
)

// Control is a control plane as nodes and clients see it. Its methods are safe for
// concurrent use.
type Control interface {
	// View returns the epochs as they are now. It does not wait, and is never nil.
	View() *epoch.View
}

// Refresher is a control plane that can be asked to look again at once. Nodes that say
// that they have another committee may know better.
type Refresher interface {
	Refresh(ctx context.Context) error
}

var (
	// ErrUnregistered is returned for a blob that nobody has registered, or not so.
	ErrUnregistered = errors.New("control: the blob is not registered on the ledger")
	// ErrUnknown is returned when the ledger cannot be asked whether a blob is registered.
	ErrUnknown = errors.New("control: the ledger cannot be asked at present")
)

// Registry tells which blobs may be stored. Its methods are safe for concurrent use.
type Registry interface {
	// Await returns the epoch before which the blob's storage ends. For one that is not
	// known it asks, and waits a short while for the registration. The error is
	// ErrUnregistered, ErrUnknown, or the context's.
	Await(ctx context.Context, id commit.BlobID) (end uint32, err error)
	// AwaitFor is Await for a blob that has a registration which the attestation may be
	// of: the deletable one that it names, or any permanent one.
	AwaitFor(ctx context.Context, a committee.Attestation) (end uint32, err error)
	// Live reports whether the blob is registered, as far as is known without asking.
	Live(id commit.BlobID) bool
	// Account reports whether the owner of the key is known, and may be trusted with more
	// than strangers.
	Account(key committee.TLSKey) bool
}
