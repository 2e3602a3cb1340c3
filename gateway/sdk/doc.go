// Package sdk is the face that a storage node shows to Walrus's SDKs: the API of Walrus's
// storage nodes, on a listener of its own.
//
// It stands beside the node's own API, over the same store, and keeps the same rules:
// nothing is stored that is not verified, or that nobody pays for. On a ledger, whoever
// has registered a blob may send it; without one, whoever has a token. What clients are
// told that the node has, they are told in Walrus's words, with the signature of the
// node's own key.
package sdk
