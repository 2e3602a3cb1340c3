// Package coded keeps a blob's metadata in parts, so that all nodes together store O(n)
// bytes of it and not O(n²).
//
// The metadata of a blob is the roots of its 2n slivers: 64n bytes. Where each of n nodes
// keeps all of it, as Walrus deploys it, a blob of one byte takes 64 MB at n = 1000. The
// RedStuff paper's answer (Walrus whitepaper v2, section 3.3, "Reducing metadata overhead";
// not deployed): the writer sends the list to every node as before, and each node checks it,
// encodes it itself with a one-dimensional code of which any f+1 of n parts give back all,
// keeps its own part with a proof that opens it, and drops the rest. A reader gathers f+1
// parts, decodes, and compares the list with the blob id.
//
// # What is encoded
//
// The message is the blob's length in 64 bits, little-endian, and for each sliver pair in
// order its primary and its secondary root, 32 bytes each: 8+64n bytes. It is cut into f+1
// data shards of equal even size, the last ones padded with zeros, and extended to n by the
// Reed–Solomon code of package rs in the variant RS2. Part p is shard p of it, and belongs
// to sliver pair p: it moves with the pair from node to node. Over the n parts stands a
// Merkle tree as commit builds it, whose leaf p is the leaf hash of "redstuff v1 meta"
// followed by part p. All of this is a function of the metadata, so honest nodes hold parts
// of one and the same tree.
//
// # Why a reader cannot be deceived
//
// The root of the parts is not in the blob id, and needs not be trusted. A reader accepts
// metadata if, and only if, its hash is the blob id. Were two readers to accept different
// lists for one id, two preimages of one hash would be known. What nodes answer can keep a
// reader waiting, no more.
//
// # Why f liars cannot keep a reader from the list
//
// A blob is certified when the owners of n-f shards have attested it, of whom n-2f >= f+1
// are honest. Honest nodes have verified the list against the id before they encoded it, so
// f+1 parts with one root, R, exist and open to it. The reader asks the owner of each pair
// for its part, and takes a part only if its path leads to the root that comes with it, and
// only of a pair whose owner it has asked. It sorts parts by root. With f shards in the
// hands of liars, a group with another root than R has at most f parts, one too few to
// decode. A group of f+1 has an honest part, so its root is R; every other part in it opens
// to R at its own place, so it is the right one unless a collision was found. Decoding that
// group gives the list. So as soon as the parts of the honest owners have come, the reader
// has the list, whatever else has come before.
//
// Paths double what is sent: at n = 1000 a part has 192 bytes, and its path 320. So a reader
// first asks for parts alone, and the list that they make is checked against the id anyway.
// Only if it is wrong are parts asked for again, with their paths. And when the list is
// known, it is encoded again: every part that came can be compared with what it should have
// been, so that liars are named, also those that lied without a path.
//
// # What a node keeps
//
// A [Record] has what a node needs of its own slivers: the length, the roots of its pairs
// with a proof that leads to the blob id, its parts, and a proof that opens them. Both proofs are
// of all pairs at once: inner nodes that follow from others are left out. With 1 shard of
// 1000 that is 973 bytes instead of 66 kB. The more shards a node has the less is gained: a
// node for which the list is shorter keeps the list, and gives it to whoever asks for parts.
//
// To write and to recover slivers takes the whole list, as before: the writer has it, and
// who recovers gathers it.
package coded
