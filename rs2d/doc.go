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
//
// # Which call for what
//
// With a blob, for
//   - its slivers: [Code.Encode], or of blob after blob [Encoder.Encode]
//   - its id or its metadata alone: [Code.ID], [Code.Commit]
//   - its slivers piece by piece, where it is larger than memory: [Code.EncodeTo]
//
// With slivers, for
//   - the blob: [Code.Decode], or in your memory [Code.DecodeInto]
//   - the blob, where all of its rows are there: [Code.CheckRows]
//   - a part of the blob: [Code.RangeSlivers], then [Code.ReadRange]
//   - which of them are right: [Code.VerifySlivers], or of one [Code.VerifySliver]
//   - a symbol for someone who lost the sliver it crosses: [Code.Symbol]
//   - symbols with proofs: [Code.NewProver]
//   - the root or all n symbols of one: [Code.SliverRoot], [Code.Expand]
//
// With symbols, for
//   - a lost sliver: [Code.Recover]
//   - a lost sliver and who lied: [Code.Recover] with [ProofsFirst] and [ReportWrong]
//   - which of them are right: [Code.VerifySymbols], or of one [Code.VerifySymbol]
//
// With bytes, for
//   - slivers and symbols as nodes of Walrus send them: [Code.ParseSliver],
//     [Code.ParseSymbol]; back to bytes [Sliver.AppendBCS], [Symbol.AppendBCS]
//   - metadata: package commit
//   - a proof that a blob is inconsistent: [ParseInconsistencyProof], then
//     [Code.VerifyInconsistency]
//
// To code a list of shards in one dimension, without commitments, see package rs.
package rs2d
