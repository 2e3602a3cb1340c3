// Package migrate gets a node the shards that an epoch gives it, and drops those that it
// took away.
//
// Which blobs there are the ledger has told the node's store. So a [Migrator] goes through
// them in the order of their ids and finds out what the node lacks of each; it does not ask
// anybody what there is to copy. What it lacks it copies from those who had it before, page
// by page, and verifies every sliver against the blob's metadata. A node that sends a wrong
// one is named, and one that is down or too slow given up: what it was to give is recovered
// from symbols at the end, as whatever else the node lacks. Where it is survives a restart,
// and what is stored already is not copied again.
//
// When the node has all that is certified of its shards, it tells the ledger. When the
// members of a quorum of shards have told so, the epoch is settled, and nobody needs the
// shards any more that a node has lost: the migrator drops them.
package migrate
