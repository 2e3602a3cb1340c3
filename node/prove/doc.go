// Package prove has a node take part in challenges, see package challenge: it falls silent
// when one is armed, acks, shows its rows to the others and verifies theirs, and posts the
// certificate that it has passed.
//
// A [Prover] follows the state of the ledger; events only wake it. What it has acked is on
// its disk before the ack leaves, and a node that starts again is silent about everything
// until the ledger says how that challenge is. Others send their symbols by [Prover.Answer],
// a message at a time, which is bounded and answered by one.
//
// # Which blobs are challenged
//
// Those with a registration that was certified in an epoch before and has not ended, and that
// nobody has shown to be inconsistent, in the state of the ledger in which the challenge was
// armed. A node lists the ledger some time later and takes back what has happened since: events
// tell what was deleted or invalidated, which was in the list.
//
// Of a blob that has been shown to be inconsistent since, nothing is proven. Nor is it where a proof
// shows that a row and the verifier's own column have different symbols where they cross: the
// verifier knows then, of this round, what a certificate would tell all. It tells so, see
// Config.Inconsistent, and when the challenge is over the node has the blob invalidated.
package prove
