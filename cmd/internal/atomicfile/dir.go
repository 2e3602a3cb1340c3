package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is a directory in the making.
type Dir struct {
	*os.Root          // where its files are to be made
	parent   *os.Root // what holds it
	lock     *os.File // the directory, as long as it is ours
	temp     string   // its name until Commit; empty when there is none
	name     string   // its name after Commit
	target   string   // what the user calls it
}

// CreateDir starts a directory that Commit will give the name target.
func CreateDir(target string) (*Dir, error) {
	full, err := filepath.Abs(target)
	if err != nil {
		return nil, err
	}
	d := &Dir{name: filepath.Base(full), target: target}
	if d.parent, err = OpenRoot(filepath.Dir(full)); err != nil {
		return nil, naming(target, err)
	}
	_ = sweep(d.parent) // what cannot be removed is not in the way
	if err := d.create(); err != nil {
		d.parent.Close()
		return nil, naming(target, err)
	}
	return d, nil
}

// create makes the directory under its temporary name.
func (d *Dir) create() (err error) {
	d.temp, d.lock, err = lockedTemp(d.parent, func(name string) (*os.File, error) {
		if err := d.parent.Mkdir(name, 0o777); err != nil {
			return nil, err
		}
		f, err := d.parent.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			err = errSwept
		}
		return f, err
	})
	if err == nil {
		d.Root, err = d.parent.OpenRoot(d.temp)
	}
	return err
}

// TempDir makes a directory for files that nobody needs any longer than this process
// lives, beside other programs' such files. Discard removes it.
func TempDir() (*Dir, error) { return CreateDir(filepath.Join(os.TempDir(), "rs2d")) }

// Path returns where the directory's files are to be made until Commit.
func (d *Dir) Path() string { return filepath.Join(d.parent.Name(), d.temp) }

// Commit makes the directory's names durable and gives it its own name. What has
// that name goes: whether that is wanted the caller has to know. Files in the
// directory are to be synced already. After an error what was there before is there
// again, and Discard is due.
func (d *Dir) Commit() error {
	if err := syncRoot(d.Root); err != nil {
		return naming(d.target, err)
	}
	old, err := d.replace()
	if err != nil {
		return naming(d.target, err)
	}
	d.temp = ""
	defer d.Discard()
	if err := syncRoot(d.parent); err != nil {
		return naming(d.target, err)
	}
	if old != "" {
		if err := d.parent.RemoveAll(old); err != nil {
			return fmt.Errorf("%s is written, but what was there before cannot be removed: %w", d.target, err)
		}
	}
	return nil
}

// replace gives the directory its name, and returns the name of what had it before.
// If the system can exchange two names at once, the target is never missing. If not,
// what was there is moved aside under a name that is not taken for abandoned work.
func (d *Dir) replace() (old string, err error) {
	if _, err := d.parent.Lstat(d.name); errors.Is(err, fs.ErrNotExist) {
		return "", d.parent.Rename(d.temp, d.name)
	}
	if err := exchange(d.parent, d.temp, d.name); !errors.Is(err, errors.ErrUnsupported) {
		return d.temp, err
	}
	old = ".replaced" + d.temp
	if err := d.parent.Rename(d.name, old); err != nil {
		return "", err
	}
	if err := d.parent.Rename(d.temp, d.name); err != nil {
		return "", errors.Join(err, d.parent.Rename(old, d.name))
	}
	return old, nil
}

// Discard gives the directory up with all that is in it. After Commit it does
// nothing, so it may be deferred.
func (d *Dir) Discard() {
	if d.temp != "" {
		d.parent.RemoveAll(d.temp)
		d.temp = ""
	}
	d.Close()
	d.lock.Close()
	d.parent.Close()
}
