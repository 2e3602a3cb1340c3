// Package rs2d is RedStuff, the two-dimensional Reed–Solomon code of the Walrus
// decentralized store (G. Danezis et al., "Walrus: An Efficient Decentralized
// Storage Network", 2025).
//
// A blob becomes a matrix of P rows and S columns of symbols, is extended to n × n
// symbols by one-dimensional codes in both directions, and is committed to by a
// Merkle tree over every row and every column. Row i is primary sliver i, column j
// secondary sliver j; shard p of n keeps sliver pair p: primary sliver p and
// secondary sliver n-1-p, each without its parity. Any P primary or any S secondary
// slivers give the blob back, and a lost sliver is rebuilt from one symbol of each
// of some slivers of the other kind, instead of a whole blob.
package rs2d
