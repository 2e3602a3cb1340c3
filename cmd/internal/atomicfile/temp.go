package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
)

// tempPrefix begins the name of everything unfinished; 16 hexadecimal digits follow.
const tempPrefix = ".rs2d-"

// attempts is how many names are tried until one is free and stays ours.
const attempts = 100

// lockedTemp makes a file or directory of an unused temporary name, and locks it for as long
// as it is open, so that Sweep of another process leaves it alone.
func lockedTemp(dir *os.Root, make func(name string) (*os.File, error)) (string, *os.File, error) {
	for range attempts {
		name := fmt.Sprintf("%s%016x", tempPrefix, rand.Uint64())
		f, err := make(name)
		if errors.Is(err, fs.ErrExist) || errors.Is(err, errSwept) {
			continue
		}
		if err != nil {
			dir.Remove(name) // a directory that was made, but cannot be opened
			return "", nil, err
		}
		// Before it was locked, another process may have taken it for abandoned. A file
		// system without locks has nothing swept.
		if err := lock(f); !errors.Is(err, errLocked) && same(dir, name, f) {
			return name, f, nil
		}
		f.Close()
	}
	return "", nil, errors.New("no temporary name is free")
}

// IsTemp reports whether a name is that of something unfinished.
func IsTemp(name string) bool {
	digits, ok := strings.CutPrefix(name, tempPrefix)
	return ok && len(digits) == 16 && strings.Trim(digits, "0123456789abcdef") == ""
}

// Sweep removes from a directory what was left unfinished by processes of this user
// that have ended: what has a temporary name and is not locked. The system ends a lock
// with its process, however that ends.
func Sweep(path string) error {
	dir, err := OpenRoot(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return sweep(dir)
}

func sweep(dir *os.Root) error {
	list, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer list.Close()
	var failed error
	for {
		names, err := list.Readdirnames(4096)
		for _, name := range names {
			if IsTemp(name) {
				failed = errors.Join(failed, sweepOne(dir, name))
			}
		}
		if errors.Is(err, io.EOF) {
			return failed
		}
		if err != nil {
			return errors.Join(failed, err)
		}
	}
}

// sweepOne removes what has the temporary name if it is abandoned.
func sweepOne(dir *os.Root, name string) error {
	info, err := dir.Lstat(name)
	if err != nil || !info.IsDir() && !info.Mode().IsRegular() || !mine(info) {
		return nil // it is gone, or none of ours
	}
	f, err := dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	if lock(f) != nil || !same(dir, name, f) {
		return nil
	}
	return dir.RemoveAll(name)
}

// same reports whether f is what has the name.
func same(dir *os.Root, name string, f *os.File) bool {
	there, err := dir.Lstat(name)
	if err != nil {
		return false
	}
	opened, err := f.Stat()
	return err == nil && os.SameFile(there, opened)
}

var (
	// errLocked is returned when another process has the lock.
	errLocked = errors.New("locked")
	// errSwept is returned when another process took what was just made for abandoned.
	errSwept = errors.New("swept before it was locked")
)
