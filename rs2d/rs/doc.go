// Package rs is a fast Reed–Solomon erasure code over GF(2^16), for up to 65536
// shards.
//
// A [Codec] works on whole shards, as klauspost/reedsolomon does, and with the
// default variant gives the same bytes as its Leopard GF16 codec. A [Workspace] is
// the layer below: it works on strips of many shards at once, in any layout of
// symbols, and is what the two-dimensional code is built on.
//
// For shards that come one by one there are [Codec.EncodeIdx] and [Codec.DecodeIdx],
// for data that changes [Codec.Update], and for shards larger than memory [Stream].
//
// Errors match those of klauspost/reedsolomon under [errors.Is]; docs/migrate.md has
// all differences.
//
// Decoding corrects erasures, not errors: a shard that is there is taken to be
// right. Keep a hash of each shard, or use the two-dimensional code, if shards can
// be corrupted rather than lost.
package rs
