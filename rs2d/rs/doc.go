// Package rs is a fast Reed–Solomon erasure code over GF(2^16), for up to 65536
// shards.
//
// A [Codec] works on whole shards, as klauspost/reedsolomon does, and with the
// default variant gives the same bytes as its Leopard GF16 codec. A [Stream] works on
// shards that are larger than memory.
//
// # Which call for what
//
// To begin
//   - in new code: [New]; for shards larger than memory [NewStream]
//   - in code written for klauspost/reedsolomon: [NewEncoder], [NewStreamEncoder]
//   - with data in one piece: [Codec.Split], and at the end [Codec.Join]
//   - with memory for the shards: [Codec.AllocAligned]
//
// To make parity
//   - from all data: [Codec.Encode]
//   - from data that comes shard by shard: [Codec.EncodeIdx]
//   - from data that changed: [Codec.Update]
//   - and to check it: [Codec.Verify]
//
// To bring back what is lost
//   - all of it: [Codec.Reconstruct]
//   - the data alone: [Codec.ReconstructData]
//   - some shards: [Codec.ReconstructSome]; one: [Codec.Shard]
//   - from shards that come one by one: [Codec.DecodeIdx]
//
// Errors match those of klauspost/reedsolomon under [errors.Is]; docs/migrate.md has
// all differences.
//
// Decoding corrects erasures, not errors: a shard that is there is taken to be
// right. Keep a hash of each shard, or use the two-dimensional code, if shards can
// be corrupted rather than lost.
package rs
