//go:build !linux

package atomicfile

import "os"

// Allocate makes room for the first size bytes of a file, where it can.
func Allocate(*os.File, int64) error { return nil }
