//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
)

// lock reports that there are no locks here, so that nothing is ever taken for
// abandoned.
func lock(*os.File) error { return errors.ErrUnsupported }

func mine(fs.FileInfo) bool { return false }
