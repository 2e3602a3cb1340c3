// Package metadata is what a node keeps of a blob's metadata, and how who needs all of it
// gets it, in either form that a system may have (committee.Form).
//
// In a system of full metadata each node keeps all of it, and anybody gets it from the first
// node that gives it. In one of coded metadata a node keeps its part and what it needs of its
// own slivers, see package coded, and who needs all of it gathers f+1 parts.
//
// A [Keeper] keeps: it is a node's. A [Fetcher] fetches: nodes that recover and clients that
// read have one.
//
// What a node keeps has the roots of all pairs of which it has slivers. That is so because
// the record is made anew whenever a list comes, in the change of the store that also brings
// the slivers: of the pairs that the node may have by the epochs it sees, and of those of
// which the store has slivers by then. So where no sliver is missing, nothing of the metadata is,
// and what is asked of a store is the same in both forms.
package metadata
