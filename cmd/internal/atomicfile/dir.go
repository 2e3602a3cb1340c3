package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is a directory in the making.
type Dir struct {
	temp   string
	target string
}

// CreateDir starts a directory that Commit will give the name target.
func CreateDir(target string) (*Dir, error) {
	target, err := filepath.Abs(target)
	if err != nil {
		return nil, err
	}
	d := &Dir{temp: tempName(target), target: target}
	if err := os.Mkdir(d.temp, 0o777); err != nil {
		return nil, naming(target, err)
	}
	return d, nil
}

// Path returns where the directory's files are to be made until Commit.
func (d *Dir) Path() string { return d.temp }

// Commit makes the directory's names durable and gives it its own name. What has
// that name goes: whether that is wanted the caller has to know. Files in the
// directory are to be synced already. After an error what was there before is there
// again, and Discard is due.
func (d *Dir) Commit() error {
	if err := SyncDir(d.temp); err != nil {
		return naming(d.target, err)
	}
	old := tempName(d.target)
	err := os.Rename(d.target, old)
	if errors.Is(err, fs.ErrNotExist) {
		old, err = "", nil
	}
	if err != nil {
		return naming(d.target, err)
	}
	if err := os.Rename(d.temp, d.target); err != nil {
		if old != "" {
			err = errors.Join(err, os.Rename(old, d.target))
		}
		return naming(d.target, err)
	}
	d.temp = ""
	if err := SyncDir(filepath.Dir(d.target)); err != nil {
		return err
	}
	if old != "" {
		return os.RemoveAll(old)
	}
	return nil
}

// Discard gives the directory up with all that is in it. After Commit it does
// nothing, so it may be deferred.
func (d *Dir) Discard() {
	if d.temp != "" {
		os.RemoveAll(d.temp)
		d.temp = ""
	}
}
