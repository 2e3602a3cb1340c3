// Package app is the ledger as an application of CometBFT: ABCI 2.0 before the state
// machine of package ledger.
//
// The app hash is the ledger's root. A block of CometBFT that has no transactions, at a
// time at which nothing is due, is no block of the ledger: the root stays, and so CometBFT
// makes blocks only while there is something to do. Heights of the ledger count its own
// blocks, as they do on every other log, and are at most those of CometBFT.
//
// Nothing but a transaction wakes CometBFT. So when time has something to do, each node
// puts a tick into its own mempool, which no proposal takes over: it keeps blocks coming
// until the time of one, which is that of a quorum's clocks, has passed what is due.
//
// Who votes follows the committee: a validator's key is the TLS key of a member, whose
// secret the ledger has seen proven, and its power is the member's shards. Of the power,
// less than a third moves with a block.
package app
