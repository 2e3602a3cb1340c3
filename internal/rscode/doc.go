// Package rscode is the Reed–Solomon code of packages rs and rs2d, strip by strip. A
// [Code] says which shard is the value of a polynomial at which point; a [Pattern] is a
// pattern of losses compiled; a [Workspace] encodes and decodes strips: the words of all
// shards at some positions, few enough for the work on them to stay in cache.
//
// What whole shards are, and how strips of them are shared among goroutines, is for its
// callers to know.
package rscode
