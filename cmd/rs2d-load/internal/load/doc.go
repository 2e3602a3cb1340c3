// Package load writes blobs to a committee and reads them back, and measures how long
// that takes.
//
// What a blob holds follows from its number and a seed, so that every byte that is read
// can be compared without keeping what was written.
//
// # Latency
//
// With a rate (an open loop), operation k is due at k/rate whatever became of those
// before it, and its latency counts from then: waiting for a turn is part of it.
// Operations that were due and never began count with the time they had waited.
//
// Without one (a closed loop), each of some workers begins an operation when its last
// one ends. While one stalls, those that would have begun meanwhile are omitted; so for
// every time t longer than the median m, Corrected also counts t-m, t-2m, … down to m,
// as HdrHistogram does.
package load
