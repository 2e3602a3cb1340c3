//go:build !linux

package store

import (
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func pages(n int) []byte { return make([]byte, n) }

func aligned([]byte) bool { return false }

func bypass(vfs.File, bool) error { return errors.ErrUnsupported }

func unaligned(error) bool { return false }
