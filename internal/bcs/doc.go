// Package bcs reads and writes the parts of Binary Canonical Serialization that
// Walrus uses: little-endian integers, ULEB128 lengths and enum variants, byte
// sequences. A value has exactly one encoding, and the reader accepts no other.
//
// The writer is a set of append functions; single bytes and byte arrays of a
// known size are appended as they are.
package bcs
