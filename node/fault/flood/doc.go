// Package flood is the strangers and clients that nodes have to bear: they take
// connections, memory and time, and give as little as they can for it. It is for tests,
// and for load generators that show what a cluster does about it.
//
// A [Flood] holds many connections of one [Kind] or of several. Whoever is cut off comes
// again, until the flood is drained or stopped; both wait for all that it began.
package flood
