//go:build !linux

package store

import "github.com/cockroachdb/pebble/v2/vfs"

func punchHole(vfs.File, span) error { return errNoHoles }
