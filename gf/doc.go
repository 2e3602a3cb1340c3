// Package gf computes in GF(2^16), in the Cantor basis: single elements, the
// additive FFT over many words at a time, and linear algebra on regions of bytes.
// It knows no codes.
//
// The inner loops exist once per instruction set, see [Backends]; an [Engine] is
// the arithmetic on one of them. All backends give the same bytes.
package gf
