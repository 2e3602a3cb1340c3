package store

import (
	"errors"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// pages returns room for so many bytes that begins with a page.
func pages(n int) []byte {
	room := make([]byte, n+page)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(room)))) & (page - 1)
	return room[skip:][:n:n]
}

// aligned reports whether something begins with a page.
func aligned(data []byte) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(data)))&(page-1) == 0
}

// bypass says whether what is written to a file goes past the system's cache. Nobody else
// writes to it meanwhile.
func bypass(f vfs.File, on bool) error {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	if flags &^= unix.O_DIRECT; on {
		flags |= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, flags)
	return err
}

// unaligned reports whether the system did not take pages past its cache.
func unaligned(err error) bool { return errors.Is(err, unix.EINVAL) }
