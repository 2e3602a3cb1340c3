// Package compat holds rs2d/rs against the packages it stands in for, by their own
// code: klauspost/reedsolomon here, celestiaorg/rsmt2d in rsmt2dcodec. It is a module
// of its own, so that the library depends on neither.
package compat
