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
// A line has what one has, what one wants, and the call.
//
//	a blob            its slivers                     Code.Encode
//	                  ... of blob after blob          Encoder.Encode
//	                  ... where it is a file          Code.EncodeTo
//	                  ... where it is an io.Reader    Encoder.EncodeFrom
//	                  its id                          Code.ID
//	                  its metadata                    Encoder.Commit, or EncodeTo Discard
//	slivers           the blob                        Code.Decode
//	                  ... in memory of one's own      Code.Decode with InMemory
//	                  ... to an io.Writer             Code.DecodeTo
//	                  ... of which all rows are there Code.CheckRows
//	                  a part of the blob              RangeSlivers, Code.ReadRange
//	                  to know which are right         Code.VerifySlivers, VerifySliver
//	a sliver          a symbol for who lost another   Code.Symbol
//	                  symbols with proofs, its root   Code.NewProver
//	                  all n symbols                   Code.Expand
//	symbols           a lost sliver                   Code.Recover
//	                  ... and which were wrong        Code.Recover with ProofsFirst, ReportWrong
//	                  to know which are right         Code.VerifySymbols, VerifySymbol
//	bytes of Walrus   a sliver, a symbol              ParseSliver, ParseSymbol
//	                  metadata                        package commit
//	a sliver, symbol  bytes for Walrus                Sliver.AppendBCS, Symbol.AppendBCS
//	an accusation     to know that no blob is there   ParseInconsistencyProof,
//	                                                  Code.VerifyInconsistency
//
// To code a list of shards in one dimension, without commitments, see package rs.
package rs2d
