// Package ledger is the control plane's state machine: who may store what, who paid for
// it and until when, who keeps it, and what they earn.
//
// It is pure. [State.Apply] takes a state and a block of transactions to the next state,
// the results and the events; there is no clock, no randomness and no input but these,
// so that all who apply the same blocks have the same state, whose [State.Root] they can
// compare and against which [State.Prove] proves the value of a key to somebody who has
// the root alone. A state never changes; old ones stay valid beside new ones.
//
// The rules are those of Walrus's contracts: storage is reserved for epochs, blobs are
// registered on it, certified by a quorum of the committee, extended and deleted; stake
// elects the committee of each epoch (packages apportion), and what was paid for storage
// is paid out to it. Three things differ. Time passes by blocks: what is due happens at
// the start of the first block whose time is late enough, and nobody has to ask for it.
// Prices are voted for as capacity is, once an epoch. And an epoch change that does not
// end by itself, because too few members report that they have their shards, ends after
// a time that genesis fixes.
//
// Amounts of money are in the smallest unit, and none is ever made or lost: what all
// accounts, stakes, pools and the storage fund hold, with what was burned, is what
// genesis gave out. [State.Money] adds it up.
package ledger
