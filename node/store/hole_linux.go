package store

import (
	"errors"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// punchHole gives the bytes of a range of a file back to the disk. The error is
// errNoHoles if the file system cannot.
func punchHole(f vfs.File, s span) error {
	if f.Fd() == vfs.InvalidFd {
		return errNoHoles
	}
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, s.off, s.end-s.off)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS):
			return errNoHoles
		default:
			return err
		}
	}
}
