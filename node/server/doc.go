// Package server answers the requests of package api for one node. It takes, verifies and
// stores what clients send, and gives out what is stored, whole or in symbols.
//
// A [Server] knows the rest of the node by small interfaces: where blobs are stored, who
// signs and verifies, who recovers what is missing. A request takes a [View] of the
// committee once, and is answered by it.
package server
