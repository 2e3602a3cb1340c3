// Package identity holds the secrets of nodes and clients, and the TLS configurations
// that follow from them.
//
// Each node and each client has one [Key]. From it follow a BLS12-381 key, for what a
// node attests (see package committee), and an ed25519 key, by which the other ends of
// TLS connections know it. A key is one line of text in a file that only its owner may
// read.
package identity
