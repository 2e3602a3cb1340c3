// Package embedded runs a ledger in one process, whom all its users trust: the state
// machine of package ledger on a durable log of blocks.
//
// Transactions that wait at the same time go into one block, which is synced to the disk
// before anybody hears of it. When the process is killed, at whatever moment, the next
// one goes on at the same root: it reads the last snapshot, applies the blocks since,
// and compares the root of each with the one that was written beside it.
package embedded
