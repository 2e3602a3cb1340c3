package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Allocate makes room for the first size bytes of a file, and gives it that length,
// if the file system can.
func Allocate(f *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return nil // what is written makes its own room
		default:
			return err
		}
	}
}
