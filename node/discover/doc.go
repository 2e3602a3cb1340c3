// Package discover finds out which blobs a node should have and lacks something of: by
// what other nodes list, or by what a ledger says.
//
// A round has three parts. First all members list the blobs that are inconsistent and
// those that are certified, with the certificates where the node has none: nobody can make
// these up, so such a list is as long as there are blobs, and a member that shows a wrong
// certificate, none of what it has listed, or less than a full page, is not listened to any
// more. Then they list pending blobs, of
// which they have all that they should: a blob may have been stored by a quorum whose
// attestations were lost with a client. Such lists can be made up, so only a part is
// looked at in each round, and the next round goes on behind it. At last the nodes are
// asked to attest pending blobs that the owners of more than f shards list. A blob that
// they do not attest is left alone for a while, longer each time.
//
// Once the owners of 2f+1 shards have listed their blobs, the others get as much time
// again. For a certified blob is stored by n-f shards, so honest owners of at most f
// shards have not got it; and owners of at most f shards are faulty: one honest owner
// that has it is among any 2f+1.
//
// Where a ledger tells the node's store which blobs are certified, members are asked for
// inconsistent ones alone, of which the ledger may not know yet: then a round looks through
// the store.
package discover
