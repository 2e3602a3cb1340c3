// Package committee holds who stores what, and what their signatures prove.
//
// A [System] is what never changes: the number of shards n, and the hash of the
// commitments. A [Committee] is the nodes of one epoch of it, the shards each of them
// owns, and their public keys.
//
// What a node attests it signs with a BLS12-381 key: public keys in G1, signatures in
// G2, the proof-of-possession ciphersuite of draft-irtf-cfrg-bls-signature. Because
// every member proved possession of its key, signatures of many members under one
// message add up to one signature, which verifies in two pairings: a [Certificate] is 96
// bytes and a bitmap. Many certificates verify together in little more than a pairing
// each: [ParseCertificates] takes them at once, a [BatchVerifier] as they come. A
// certificate names its epoch, and is verified by looking that epoch's committee up in
// [Committees].
//
// Weights are numbers of shards, of n in all of which f may be faulty. Attestations
// by n-f shards that a blob is stored are its point of availability: at least n-2f of
// them are honest, enough to decode it. Attestations by f+1 shards that a blob is
// inconsistent include an honest one, who has verified a proof of it.
package committee
