package store

import (
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// orderedFS makes the names of pebble's manifests and markers durable at once.
//
// Pebble creates a manifest, then a marker that names it, then removes the old marker,
// and syncs the directory once in the end. That is safe only where directory entries
// reach the disk in the order of the operations. Where they do not, a power cut can
// leave a marker without its manifest, or no marker, which reads as no database.
type orderedFS struct{ vfs.FS }

// Unwrap returns the file system below.
func (o orderedFS) Unwrap() vfs.FS { return o.FS }

// Create creates a file.
func (o orderedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := o.FS.Create(name, category)
	if err != nil {
		return nil, err
	}
	if base := o.PathBase(name); strings.HasPrefix(base, "MANIFEST-") || strings.HasPrefix(base, "marker.") {
		if err := syncDir(o.FS, o.PathDir(name)); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}
