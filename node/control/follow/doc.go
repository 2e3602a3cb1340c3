// Package follow is the control plane of those who follow a ledger.
//
// [Views] keeps the committees of the ledger's epochs, for nodes and for clients. A
// [Follower] does more, for a node: from a cursor in the node's store on it reads the
// events, one after another and each at least once, and applies them: it marks blobs in
// the store that are certified, and lets those end that nobody pays for any more. A
// follower without a cursor starts from a listing of the ledger's blobs, and forgets what
// the store has and the ledger does not know. [Registry] tells which blobs may be
// stored.
//
// The ledger is believed, but for its shape: what it answers is bounded, in order, and of
// the chain whose genesis is known. While it does not answer, the last view holds.
package follow
