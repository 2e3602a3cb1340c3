// Package commit builds the commitments of RedStuff: symbol hashes, Merkle
// trees over slivers, metadata and the blob id. It knows nothing of fields and
// codes; it sees symbols as byte strings.
//
// Two schemes share one shape. BLAKE3, the default, separates its domains by
// derive_key contexts and can be checked with any BLAKE3 library. Walrus is
// Blake2b-256 with a prefix byte, equal to the bit to Walrus mainnet.
//
// A [Hasher] hashes many messages of equal length at once, one in each lane of
// a vector register, because a code of n shards hashes n² symbols and about 2n²
// inner nodes whatever the blob's size: one message at a time, hashing would
// cost several times more than the code itself. The assembly behind it,
// in internal/lanehash, is chosen by CPU; see [NewHasher].
//
// The package is not a general hashing library: it exposes only the domains
// that RedStuff uses. To hash files or streams use a BLAKE3 or Blake2b package.
package commit
