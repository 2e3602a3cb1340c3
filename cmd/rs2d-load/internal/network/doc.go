// Package network emulates the links between processes on one machine: delay, jitter,
// bandwidth, loss as TCP shows it, resets and partitions. It needs no help of the kernel.
//
// A process connects through the emulator: see [Dialer]. Each direction of a connection is
// carried as a TCP of its own would carry it over the link. A node's bandwidth is shared by
// all its connections. A connection begins with a window of ten segments, which doubles
// with each round trip until a segment is lost; a loss halves it, and holds what follows
// up for a round trip, or for a timeout if nothing follows: that is Reno (RFC 5681), and
// what is left of a line's rate is what Mathis, Semke, Mahdavi and Ott derive for it (1997).
package network
