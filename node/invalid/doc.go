// Package invalid marks blobs that nobody can read, because whoever encoded them broke
// the rules.
//
// A proof of it is symbols that decode to a sliver which is not the one that the
// metadata commits to. Anybody who finds one gives it to the nodes with [Certify]: each
// verifies it, and attests it. The attestations of the owners of f+1 shards are a
// certificate, as one of them at least is honest: who has it may [Mark] the blob and
// drop its slivers. One node's word is never enough, so who hears it asks for the
// certificate with [Find].
package invalid
