// Package store keeps the blobs of one node on its disk.
//
// # Layout
//
// Metadata, certificates, proofs and small slivers live in a pebble database. Large
// slivers live in files, all that come in one [Update] in one file; the database says
// where each of them is, and holds a checksum for every 64 KiB of it.
//
// Of each blob the database has an index: which records and slivers there are, how long,
// and where in which file. One look at it answers what the node has. The slivers' own
// keys are ordered by shard and blob, so that a shard is listed, read and dropped in time
// proportional to what it has. When slivers of a file are dropped, the range they were in
// is given back to the disk as a hole; where the file system has no holes, what is left
// of the file is written anew. A file that holds nothing is removed.
//
// Large pieces of slivers go to the disk past the system's cache, where the system can do that:
// pages of it cost more than the bytes of a write do otherwise. So whoever reads a sliver first
// waits for the disk; from then on the cache has it. Slivers that nobody else needs any more, and
// that lie in memory as they will in their file, are written from there ([Room]).
//
// A store knows whose it is: [Owner] is in a file of its own, as text, beside the version
// of the format. Another node's store is refused, and one of another version.
//
// # Durability
//
// An Update is durable when Apply returns without an error, and visible as a whole
// or not at all. Its file is written under a temporary name, piece by piece if it comes
// so, see [Stage], and synced, renamed into
// place, the directory synced; then one synced commit of the database makes all of it
// visible. A crash before the commit leaves at most a file that nothing refers to, one
// after it at most bytes that were not given back, and [Disk.Sweep] finds both.
//
// When a commit fails, nobody knows whether it is on the disk. The store then takes
// no further write ([ErrFailed]) and must be opened again, which finds out. The same
// goes for a store whose directory is removed or replaced ([ErrGone]), and for one whose
// database is damaged ([ErrDamaged]).
//
// # Errors that say something of a sliver
//
// Only a missing or short file and a wrong checksum say that a sliver is corrupt, and a
// device error that stays for long while other slivers can be read. Having no file
// descriptors, no memory or no permission says nothing of it: that is [ErrUnavailable].
// A corrupt sliver is quarantined, which is neither served nor listed, but kept until
// another is stored in its place.
//
// # A full disk
//
// A store refuses what would take of its reserve ([ErrFull]). It holds a ballast file,
// which is given up when the disk is full all the same, so that deletions can be noted;
// and if there is no room even to open the database, it is opened for reading only, until
// there is.
//
// All access to the disk goes through a vfs.FS, so that tests can make any of it fail
// or cut the power.
package store
