//go:build unix

package store

import (
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// sameFile reports whether two descriptions are of one file, as far as it can be known.
func sameFile(a, b vfs.FileInfo) bool {
	x, known := a.Sys().(*syscall.Stat_t)
	y, both := b.Sys().(*syscall.Stat_t)
	return !known || !both || x.Ino == y.Ino && x.Dev == y.Dev
}

// diskBytes returns how many bytes of the disk a file takes.
func diskBytes(info vfs.FileInfo) int64 {
	if s, known := info.Sys().(*syscall.Stat_t); known {
		return s.Blocks * 512
	}
	return info.Size()
}
