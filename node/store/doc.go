// Package store keeps the blobs of one node on its disk.
//
// Metadata, certificates, proofs and small slivers live in a pebble database. Large
// slivers live in files, all that come in one [Update] in one file; the database says
// where each of them is, and holds a checksum for every 64 KiB of it.
//
// # Durability
//
// An Update is durable when Apply returns without an error, and visible as a whole
// or not at all. Its file is written under a temporary name and synced, renamed into
// place, the directory synced; then one synced commit of the database makes all of it
// visible. A crash before the commit leaves at most a file that nothing refers to,
// and [Disk.Sweep] removes it.
//
// When a commit fails, nobody knows whether it is on the disk. The store then takes
// no further write ([ErrFailed]) and must be opened again, which finds out.
//
// All access to the disk goes through a vfs.FS, so that tests can make any of it fail
// or cut the power.
package store
