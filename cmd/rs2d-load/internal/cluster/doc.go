// Package cluster runs a committee of node processes on loopback, each with a store of
// its own on disk, kills them, empties them, starts them again, and lets them lie.
//
// A node process is this program itself under another command line. It takes orders on
// its standard input, ends when that ends, and tells how it fares on its standard
// output: see Order and Stats.
package cluster
