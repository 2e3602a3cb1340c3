// Package challenge is the protocol by which a storage node proves that it has the
// slivers that it is paid for. It is pure: no clock, no I/O, no randomness.
//
// # The protocol
//
// It is the asynchronous challenge protocol of Walrus's whitepaper, version 2, section
// 4.6. Of n shards the adversary owns f at most, and it orders and delays all messages as
// it likes. Shard i stores primary sliver i, a row of the blob's matrix, and a secondary
// sliver, a column of it; E(i,j) is the symbol that row i has in common with the column
// of shard j.
//
//  1. The ledger arms a [Challenge] in the second half of an epoch that is settled. This
//     fixes the committee and the [List] of blobs: those certified in earlier epochs
//     whose storage has not ended, in the order of their ids. Each member has reported
//     that it has these.
//  2. A member that sees it falls silent about all blobs of the list (see [Gate]) and,
//     when its last answer is out, sends its ack: a signature of the [Terms].
//  3. With the acks of n-f shards under one list the ledger starts the [Round]: the
//     [Seed] is made of the acks, and [Draw] takes the challenged blobs from it. All other
//     blobs are served again.
//  4. Each member sends to each member, for every drawn blob, the symbols that its own
//     rows have in common with the other's columns ([Prover]).
//  5. The other one compares them with the cells of its own columns; where they differ it
//     asks for proofs ([Verifier]). When all are right, it signs [Round.Pass].
//  6. Whoever has signatures of n-f shards posts them as a certificate.
//  7. With certificates of all members the ledger closes the challenge; with those of n-f
//     shards it does so when as long again has passed, for it cannot wait for cheaters, and honest
//     members should not lose a race; and at last when a longer time is over. Later
//     certificates are refused, and members serve all blobs again. When it is closed decides
//     who is paid, and is no matter of what a certificate proves.
//
// # What a certificate proves
//
// Members of n-2f honest shards at least have acked before anybody could know the seed,
// and stay silent until the close. Columns that the adversary may know without having
// stored a row are those of its own f shards, which the symbols of honest provers alone
// restore, and those of at most f honest shards that have not acked: 2f. They are fewer
// than the n-f symbols that determine row i, and with fewer than n-2f = P known rows they
// say nothing about a symbol of row i in any other column: the matrix is a tensor product
// of two codes without slack. The signatures that it can have without storing anything
// are by the same 2f shards, and n-f are needed.
//
// So the certificate of a member says: those who collude, and what up to f slow honest
// shards served to them, have n-f symbols of each of its rows, for each drawn blob. Two
// things it does not say. An adversary that does have f shards, of which all keep their
// columns, and f honest shards cut off for the whole time, needs n-3f more symbols of a row
// and not n-f: what a coalition of f saves on its rows, it pays in columns and needs the
// network for. And nothing is said about the time between two challenges: who fetches
// everything again just before each challenge passes.
//
// # What must not be served
//
// Only symbols of rows carry the proof: P = n-2f symbols restore a column, and 2f are
// within reach, so that columns are not proven and [Prover] sends no symbols for them.
//
//   - A member that does not know of the challenge cannot fall silent. For its answers to
//     tell no more than its columns do, primary slivers are served to nobody while
//     challenges are on, and symbols of rows only in columns of who asks ([Row],
//     [OwnColumn]). Clients read blobs from n-f secondary slivers, which are as many bytes.
//   - A member that has acked serves nothing of a challenged blob, no secondary slivers
//     either: the column of shard j is the very symbols that j compares with. Whoever can
//     read a blob can rebuild any of its rows, and the protocol cannot tell a client from
//     a cheater: no protocol without clocks can have challenged blobs readable.
//     TestServedColumnsDefeatChallenges shows the cheater who keeps nothing and passes.
//
// So reads of a challenged blob wait. How long, and of how many blobs, is kept small:
// between ack and start all of the list waits, which takes the ledger a few blocks;
// between start and close the drawn blobs only. And one draw is for all shards. The paper
// draws for each shard anew; this would stop up to n times as many blobs and have each
// member read its slivers of as many, and the bound for a shard is the same.
//
// # What the seed is worth
//
// See [AckHash] for what an adversary gains by choosing among seeds, and [Bound] for how
// many blobs make up for it.
//
// # What a node does
//
// This is how the protocol is to be run; package prove does it. One goroutine of the node
// follows the ledger's events and turns them into calls of the one [Gate]; whoever serves
// asks it for each answer, before it is begun. On ChallengeArmed the node makes the list of
// what its registry has at that event: certified in an epoch before, not ended, not marked
// invalid. From there to the close it deletes no sliver of the list, whether its blob is
// deleted or has ended: others prove it still. It writes the Terms to its disk, has the gate
// fall silent, waits for the answers that have begun, and sends the ack. After a restart the
// gate is silent about all of the list of the Terms on the disk, until the ledger's state
// says that their challenge runs or is closed.
//
// On ChallengeStarted it draws, serves the rest again, and goes through the drawn blobs once:
// of each it expands its rows, and appends to the stream of each peer what that one's
// columns have in common with them. The number of streams and of bytes in flight bounds its
// memory. A peer that takes no bytes is left out and tried again until the close. It verifies
// in the same order: of a blob it expands its columns once, for those provers that are
// at it; one that is ahead waits. Whoever answers [Refused] with a reason that goes by is asked
// again. Clients that are refused for the gate's sake are told when to come back, and wait.
//
// # What is remembered
//
// A [Verifier] lives as long as the round, not as a connection: a symbol that was wrong
// once is taken with a proof only. And a member keeps the Terms that it has acked on its
// disk before the ack leaves, and starts silent with them.
package challenge
