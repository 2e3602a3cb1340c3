// Package lanehash hashes many messages of equal length at once, one in each lane of a
// vector register, and folds many trees of such hashes: BLAKE3 and Blake2b-256 in the
// domains of RedStuff, which package commit documents. It sees bytes only: what they
// are, and who must check what of them, is for its callers to know.
//
// Package commit gives out what is of use to anyone. What is here besides is for an
// encoder that hashes a matrix tile by tile: folds of many trees in place, and symbols
// that come in pieces.
//
// Panics for arguments that contradict each other speak in commit's name.
package lanehash
