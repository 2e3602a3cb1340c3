//go:build !unix

package store

import "github.com/cockroachdb/pebble/v2/vfs"

// sameFile reports whether two descriptions are of one file. Here it cannot be known.
func sameFile(vfs.FileInfo, vfs.FileInfo) bool { return true }

// diskBytes returns how many bytes of the disk a file takes, if it has no holes.
func diskBytes(info vfs.FileInfo) int64 { return info.Size() }
