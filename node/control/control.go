// Package control is what nodes and clients see of a control plane: who is in the
// committees of the epochs, and who may write.
//
// The smallest one is [github.com/redstuff-go/redstuff/node/control/fixed]: a file that
// all share, with one epoch for ever. A control plane with a ledger will have more to
// say, and this interface grows by it when there is one: to submit transactions, to
// follow events from a point on, and to prove facts against a root of the state.
package control

import "github.com/redstuff-go/redstuff/node/epoch"

// Control is a control plane as nodes and clients see it. Its methods are safe for
// concurrent use.
type Control interface {
	// View returns the epochs as they are now. It does not wait, and is never nil.
	View() *epoch.View
}
