// Package comet runs the ledger where nobody trusts anybody: each operator has a
// validator of CometBFT with the same state machine in its process, and less than a
// third of them, by their shards, may be down or lie.
//
// A [Node] is to its users what an embedded ledger is, a chain.Backend. Package app is the state machine
// as CometBFT's application, kv keeps CometBFT's databases and its own in one of
// pebble's, and headers shows a node that joins which snapshot it can trust.
//
// CometBFT ends its process when it finds that its own state is wrong: run a node in a
// process that is started again when it ends, and keep its directory. The file
// data/vote_state.json is what keeps the validator from voting twice: never copy it to a
// second machine, and never put back an older one.
package comet
