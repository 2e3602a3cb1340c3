// Package heal recovers slivers that a node lacks from its peers. What it lacks it is told.
//
// A lost sliver is recovered from single symbols: secondary slivers first, each from
// the symbols where it crosses primary slivers of other nodes, then primary slivers
// from secondary ones, the node's own included. What is received is as much as what is
// restored, and not a whole blob for every sliver, as with a code of one dimension.
//
// Symbols are asked for without proofs, for many slivers of many blobs at once. A
// sliver that comes out wrong is asked for again with proofs, which name who lied; the
// liar is distrusted and others are asked instead. If all symbols are proven and the
// sliver is wrong, then the blob is: the proofs together show it to everybody.
//
// A sliver is computed and stored as soon as the last symbol of it is there, while
// others arrive, and counted once it is on disk. A round begins with a few blobs and
// takes more and more at once, so that it can be seen to work from the start.
package heal
