// Package tree is a map with a root: a hash that stands for all its keys and values, and
// against which the value of a key, or its absence, is proven without the rest.
//
// A [Tree] never changes. Set and Delete return another one that shares with it all but
// the path to the key, so that any number of versions live side by side at the price of
// their differences.
//
// It is a crit-bit tree (Bernstein): an inner node names the first bit in which the
// keys below it differ, and has those with a 0 there on its left and those with a 1 on
// its right. Its shape depends on the keys alone, not on the order in which they came;
// so equal contents have equal roots. A key is seen as nine bits a byte, the first of
// them 1, and zeros behind its end: no key is then a prefix of another one, and the
// order of leaves is the order of keys.
package tree
