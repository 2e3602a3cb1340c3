// Package node is a storage node: it keeps the sliver pairs of its shards of every
// blob, serves them, and recovers what it lost.
//
// A [Node] verifies every sliver against the blob's metadata before it stores it, and
// attests that it has a blob only after all of its pairs are durable. What it serves
// are the endpoints of package api. Behind the server run a healer, which finds out
// what the node should have and recovers it from its peers, and a scrubber, which
// reads all of the store again and again.
//
// Everything that comes from outside is bounded: bodies by what the committee's code
// can need, requests and the bytes they hold by [Config], and the time of a request
// by the rate at which it makes progress. Beyond that a node answers 503.
package node
