// Package rpc is a ledger over HTTP: a [Handler] before a ledger, whatever runs it, and a
// [Client] that is one itself.
//
//	GET  /v1/genesis         how the ledger begins, in BCS
//	GET  /v1/status          epoch, prices, capacity, height and root, in JSON
//	POST /v1/transactions    a signed transaction in BCS; answers when it is in a block
//	GET  /v1/events          those from ?height=&index= on, at most ?limit=; waits up to ?wait= seconds
//	GET  /v1/proof           the value of the ?key= in hexadecimal, or its absence, with height and root
//	GET  /v1/blobs/{id}      who registered the blob, until when, and whether it is certified
//	GET  /v1/state           keys with the ?prefix= behind the key ?after=, at most ?limit=, and their values
//
// and, for light clients (see package light), in BCS:
//
//	GET  /v1/light/checkpoint  the last one that is certified
//	GET  /v1/light/handovers   those of the epochs ?from= on, as many as one message has
//	GET  /v1/light/committee   that of the ?epoch=
//	GET  /v1/light/proof       the value of the ?key= in hexadecimal, or its absence, in the state of the ?height=
//
// Events and receipts are in JSON, or in BCS for who accepts application/octet-stream.
//
// A request with the header Redstuff-Height is answered from the state of that height or a
// later one, or refused: so whoever asks several servers sees nothing that is older than
// what was seen before.
//
// An error is answered in JSON: what is wrong, and for a transaction the rule that it
// broke. Events and proofs can be had by anybody; transactions pay for themselves.
package rpc
