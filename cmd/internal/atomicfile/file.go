// Package atomicfile writes files and directories that appear under their names
// complete and durable, or not at all.
//
// The work is done beside the target, under a temporary name that begins with a
// dot, because only within one file system is a rename atomic.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
)

// tempPrefix begins the name of everything unfinished.
const tempPrefix = ".rs2d-"

// File is a file in the making. Writes to it are buffered.
type File struct {
	*bufio.Writer
	file   *os.File
	keep   bool   // file is not ours to close
	temp   string // empty when the target is written directly
	target string
}

// Create starts a file that Commit will put in target's place. A target that is a
// symbolic link stays one: the file it leads to is replaced. A target that exists
// and is no regular file, such as a pipe or a terminal, is written to directly, and so
// is /dev/stdout, whatever it leads to.
func Create(target string) (*File, error) {
	f := &File{target: target}
	if real, err := filepath.EvalSymlinks(target); err == nil {
		f.target = real
	}
	old, err := os.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = f.createTemp(0o666)
	case err != nil:
	case old.IsDir():
		return nil, fmt.Errorf("%s is a directory", target)
	case standardFile(old) != nil:
		f.file, f.keep = standardFile(old), true
	case !old.Mode().IsRegular():
		f.file, err = os.OpenFile(f.target, os.O_WRONLY, 0)
	default:
		err = f.createTemp(old.Mode().Perm())
	}
	if err != nil {
		return nil, naming(target, err)
	}
	f.Writer = bufio.NewWriterSize(f.file, 1<<16)
	return f, nil
}

// createTemp opens a temporary file, of the mode that the file is to have.
func (f *File) createTemp(mode fs.FileMode) (err error) {
	f.temp = tempName(f.target)
	f.file, err = os.OpenFile(f.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	return err
}

// Commit makes the file durable and gives it its name. After an error nothing of
// it is left.
func (f *File) Commit() error {
	err := f.Flush()
	if f.temp != "" && err == nil {
		err = f.file.Sync()
	}
	if closing := f.close(); err == nil {
		err = closing
	}
	if f.temp == "" {
		return err
	}
	if err == nil {
		err = os.Rename(f.temp, f.target)
	}
	if err != nil {
		f.Discard()
		return naming(f.target, err)
	}
	f.temp = ""
	return SyncDir(filepath.Dir(f.target))
}

// Discard gives the file up. After Commit it does nothing, so it may be deferred.
func (f *File) Discard() {
	f.close()
	if f.temp != "" {
		os.Remove(f.temp)
		f.temp = ""
	}
}

// close closes the file, if it is ours and open.
func (f *File) close() error {
	if f.keep {
		return nil
	}
	return f.file.Close()
}

// standardFile returns standard output or standard error if that is the file which
// info is of. To replace the file that a shell has sent them to would lose what others
// write there.
func standardFile(info fs.FileInfo) *os.File {
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		if std, err := f.Stat(); err == nil && os.SameFile(std, info) {
			return f
		}
	}
	return nil
}

// WriteFile puts a file with the given content in target's place.
func WriteFile(target string, data []byte) error {
	f, err := Create(target)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(data); err != nil {
		return naming(target, err)
	}
	return f.Commit()
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// tempName returns an unused name beside target.
func tempName(target string) string {
	return filepath.Join(filepath.Dir(target), fmt.Sprintf("%s%016x", tempPrefix, rand.Uint64()))
}

// naming replaces the temporary name that err speaks of by the one the user knows.
func naming(target string, err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return fmt.Errorf("%s: %w", target, err)
}
