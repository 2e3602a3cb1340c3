// Package atomicfile writes files and directories that appear under their names
// complete and durable, or not at all.
//
// The work is done beside the target, under a temporary name that begins with a
// dot, because only within one file system is a rename atomic. What a process that
// was killed has left under such a name, [Sweep] removes.
package atomicfile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/redstuff-go/redstuff/cmd/internal/ctxio"
)

// File is a file in the making. Writes to it are buffered. They end with the context
// that it was created with.
type File struct {
	*bufio.Writer
	ctx    context.Context
	file   *os.File
	keep   bool     // file is not ours to close
	dir    *os.Root // what holds the file; nil when the target is written directly
	temp   string   // its name until Commit; empty when there is none
	name   string   // its name after Commit
	target string   // what the user calls it
}

// Create starts a file that Commit will put in target's place. A target that is a
// symbolic link stays one: the file it leads to is replaced. A target that exists
// and is no regular file, such as a pipe or a terminal, is written to directly, and so
// is /dev/stdout, whatever it leads to. To open and to write such a target may last for
// ever: both end with ctx.
func Create(ctx context.Context, target string) (*File, error) {
	f := &File{ctx: ctx, target: target}
	real := target
	if followed, err := filepath.EvalSymlinks(target); err == nil {
		real = followed
	}
	old, err := os.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = f.createBeside(real, 0o666)
	case err != nil:
	case old.IsDir():
		return nil, fmt.Errorf("%s is a directory", target)
	case standardFile(old) != nil:
		f.file, f.keep = standardFile(old), true
	case !old.Mode().IsRegular():
		f.file, err = ctxio.OpenFile(ctx, real, os.O_WRONLY, 0)
	default:
		err = f.createBeside(real, old.Mode().Perm())
	}
	if err != nil {
		return nil, naming(target, err)
	}
	f.buffer()
	return f, nil
}

// CreateIn starts a file of the given mode that Commit will put in the place of
// whatever has the name in dir, unless that is a directory. Links are replaced, never
// followed. Errors do not name the file.
func CreateIn(ctx context.Context, dir *os.Root, name string, mode fs.FileMode) (*File, error) {
	f := &File{ctx: ctx, name: name, dir: dir}
	if err := f.createTemp(mode); err != nil {
		return nil, bare(err)
	}
	f.buffer()
	return f, nil
}

// createBeside opens a temporary file in the directory of target.
func (f *File) createBeside(target string, mode fs.FileMode) (err error) {
	f.name = filepath.Base(target)
	if f.dir, err = OpenRoot(filepath.Dir(target)); err != nil {
		return err
	}
	_ = sweep(f.dir) // what cannot be removed is not in the way
	if err = f.createTemp(mode); err != nil {
		f.dir.Close()
	}
	return err
}

// createTemp opens a temporary file, of the mode that the file is to have.
func (f *File) createTemp(mode fs.FileMode) (err error) {
	f.temp, f.file, err = lockedTemp(f.dir, func(name string) (*os.File, error) {
		return f.dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	})
	return err
}

// Random returns the file for reading and writing anywhere, past the buffer, which must
// have taken nothing then; or nil, if the target is written directly.
func (f *File) Random() *os.File {
	if f.temp == "" {
		return nil
	}
	return f.file
}

// buffer makes the buffer before the file.
func (f *File) buffer() { f.Writer = bufio.NewWriterSize(unbuffered{f}, 1<<16) }

// unbuffered is a File without its buffer.
type unbuffered struct{ *File }

// writePiece is how much is written before the context is looked at again.
const writePiece = 8 << 20

func (u unbuffered) Write(data []byte) (written int, err error) {
	for len(data) > 0 && err == nil {
		piece := data[:min(len(data), writePiece)]
		var n int
		if err = u.ctx.Err(); err != nil {
			return written, err
		}
		if u.temp != "" {
			n, err = u.file.Write(piece)
		} else {
			n, err = ctxio.Writer(u.ctx, u.file).Write(piece)
		}
		written, data = written+n, data[n:]
	}
	return written, err
}

// Commit makes the file durable and gives it its name. After an error nothing of
// it is left.
func (f *File) Commit() error {
	err := f.commit()
	if f.target != "" && err != nil {
		return naming(f.target, err)
	}
	return bare(err)
}

func (f *File) commit() error {
	err := f.Flush()
	if f.temp != "" && err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		f.Discard()
		return err
	}
	if f.temp == "" {
		return f.close()
	}
	// The lock that marks the file as ours ends with its closing.
	if err = f.dir.Rename(f.temp, f.name); err != nil {
		f.Discard()
		return err
	}
	f.temp = ""
	return errors.Join(f.close(), syncRoot(f.dir), f.closeDir())
}

// Discard gives the file up. After Commit it does nothing, so it may be deferred.
func (f *File) Discard() {
	if f.temp != "" {
		f.dir.Remove(f.temp)
		f.temp = ""
	}
	f.close()
	f.closeDir()
}

// close closes the file, if it is ours and open.
func (f *File) close() error {
	if f.keep || f.file == nil {
		return nil
	}
	file := f.file
	f.file = nil
	return file.Close()
}

// closeDir closes the directory, if Create has opened it.
func (f *File) closeDir() error {
	if f.dir == nil || f.target == "" {
		return nil
	}
	dir := f.dir
	f.dir = nil
	return dir.Close()
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
func WriteFile(ctx context.Context, target string, data []byte) error {
	f, err := Create(ctx, target)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(data); err != nil {
		return naming(target, err)
	}
	return f.Commit()
}

// WriteSecret is WriteFile for what its owner alone may read. Links are replaced, never
// followed.
func WriteSecret(ctx context.Context, target string, data []byte) error {
	dir, err := OpenRoot(filepath.Dir(target))
	if err != nil {
		return naming(target, err)
	}
	defer dir.Close()
	f, err := CreateIn(ctx, dir, filepath.Base(target), 0o600)
	if err != nil {
		return naming(target, err)
	}
	defer f.Discard()
	if _, err := f.Write(data); err != nil {
		return naming(target, err)
	}
	return f.Commit()
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := OpenRoot(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return syncRoot(d)
}

// OpenRoot opens a directory. It does not wait for what only has a directory's name,
// such as a named pipe.
func OpenRoot(path string) (*os.Root, error) {
	root, err := os.OpenRoot(path + string(filepath.Separator) + ".")
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: bare(err)}
	}
	return root, nil
}

func syncRoot(dir *os.Root) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// bare takes the name off a file system's error.
func bare(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// naming replaces the temporary name that err speaks of by the one the user knows.
func naming(target string, err error) error {
	return fmt.Errorf("%s: %w", target, bare(err))
}
