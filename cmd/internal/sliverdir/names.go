// Package sliverdir keeps an encoded blob in a directory: the file metadata, and a
// file for each sliver.
//
// Sliver files hold the raw bytes of a sliver and are numbered by sliver pair:
// 0007.primary is primary sliver 7, 0007.secondary is secondary sliver n-1-7. So
// the two files of a number are what one shard stores. Metadata is in the form of
// commit.Metadata.AppendFile.
//
// A directory read is not trusted: its numbers bound no allocation before they were
// compared with the length of files.
package sliverdir

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/redstuff-go/redstuff/rs2d"
)

// MetadataName is the name of the file that holds the metadata.
const MetadataName = "metadata"

// Name returns the name of the file that holds the sliver, of n of its axis.
func Name(ref rs2d.SliverRef, n int) string {
	return fmt.Sprintf("%04d.%v", ref.Pair(n), ref.Axis)
}

// ours reports whether a file of that name can belong to a sliver directory.
func ours(name string) bool {
	if name == MetadataName {
		return true
	}
	number, axis, _ := strings.Cut(name, ".")
	if axis != rs2d.Primary.String() && axis != rs2d.Secondary.String() {
		return false
	}
	pair, err := strconv.ParseUint(number, 10, 16)
	return err == nil && fmt.Sprintf("%04d", pair) == number
}
