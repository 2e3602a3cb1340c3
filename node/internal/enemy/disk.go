package enemy

import (
	"os"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// Disk is a file system of which operations fail while a test wants it. It is safe for
// concurrent use.
type Disk struct {
	vfs.FS

	mu     sync.Mutex
	match  func(errorfs.Op) bool // nil for none
	err    error
	failed int
}

// NewDisk returns a disk that works, on top of another one.
func NewDisk(base vfs.FS) *Disk {
	d := new(Disk)
	d.FS = errorfs.Wrap(base, errorfs.InjectorFunc(d.inject))
	return d
}

func (d *Disk) inject(op errorfs.Op) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.match == nil || !d.match(op) {
		return nil
	}
	d.failed++
	return &os.PathError{Op: "open", Path: op.Path, Err: d.err}
}

// Fail lets the operations that match fail with an error, such as syscall.EMFILE, until
// Mend.
func (d *Disk) Fail(err error, match func(errorfs.Op) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.match, d.err = match, err
}

// Mend ends all failures, and returns how many there were since the last time.
func (d *Disk) Mend() (failed int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	failed, d.failed, d.match = d.failed, 0, nil
	return failed
}

// Opening matches the opening of files to read them.
func Opening(op errorfs.Op) bool { return op.Kind == errorfs.OpOpen }

// Writing matches all that changes the disk.
func Writing(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite }

// SaysNothing are errors of a disk that say nothing about what is on it: whoever tries
// again later finds all as it was.
func SaysNothing() []error {
	return []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EACCES, syscall.EINTR}
}
