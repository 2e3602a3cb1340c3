// Package witness tells a ledger what a node has seen: that blobs are inconsistent, and
// what state the ledger has.
//
// The first is for those who were not there: a ledger that knows an id to be no blob's
// tells it to all nodes, also to those that come later. Any one member need say it, and
// each takes its turn: a member whose turn has not come sees that another one has done it.
// The second are the signatures that make checkpoints, by which light clients follow the
// ledger, see package light.
//
// What is told is paid for by the node's own account.
package witness
