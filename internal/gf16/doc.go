// Package gf16 computes in GF(2^16), in the Cantor basis: single elements, the additive
// FFT over many words at a time, and linear algebra on regions of bytes. It knows no
// codes. Package gf gives out what is of use to anyone; what is here besides is for an
// encoder: transforms that begin or end in natural regions, and passes that are fused.
//
// The inner loops exist once per instruction set, see [Backends]; an [Engine] is the
// arithmetic on one of them. All backends give the same bytes.
//
// Panics for arguments that contradict each other speak in gf's name.
package gf16
