//go:build unix

package httpd

import (
	"errors"
	"math"
	"syscall"
)

// RaiseDescriptors raises the limit of the process's file descriptors as far as it may,
// and returns it: 0 if it is not known.
func RaiseDescriptors() int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return 0
	}
	if r.Cur < r.Max {
		raised := r
		raised.Cur = r.Max
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			r = raised
		}
	}
	return int(min(uint64(r.Cur), math.MaxInt32))
}

// NoDescriptors reports whether the error is that there are no descriptors.
func NoDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
