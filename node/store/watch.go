package store

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// watchEvery is how often an open store looks whether its directory is still there. Each
// commit looks as well.
const watchEvery = time.Second

// anchors are files that must stay what they are while a store is open.
type anchors struct {
	fs    vfs.FS
	files atomic.Pointer[[]anchor]
}

type anchor struct {
	name string
	info vfs.FileInfo
}

// hold notes what the files are.
func (a *anchors) hold(names ...string) error {
	var files []anchor
	for _, name := range names {
		info, err := a.fs.Stat(name)
		if err != nil {
			return err
		}
		files = append(files, anchor{name, info})
	}
	a.files.Store(&files)
	return nil
}

// gone returns ErrGone if a file is not there any more, or is another. An error of
// looking says nothing.
func (a *anchors) gone() error {
	files := a.files.Load()
	if files == nil {
		return nil
	}
	for _, f := range *files {
		info, err := a.fs.Stat(f.name)
		switch {
		case oserror.IsNotExist(err):
			return fmt.Errorf("%w: %s is not there", ErrGone, f.name)
		case err == nil && !sameFile(info, f.info):
			return fmt.Errorf("%w: %s is another file", ErrGone, f.name)
		}
	}
	return nil
}
