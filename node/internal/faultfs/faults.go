package faultfs

import "sync"

// Op is one call of the file system or of one of its files.
type Op struct {
	Call string // the method's name; those of files begin with "File."
	Path string
}

// Changes reports whether the call changes the disk.
func (o Op) Changes() bool {
	switch o.Call {
	case "Open", "OpenDir", "List", "Stat", "GetDiskUsage", "File.Read", "File.ReadAt", "File.Stat", "File.Prefetch":
		return false
	}
	return true
}

// Opens reports whether the call takes a file descriptor.
func (o Op) Opens() bool {
	switch o.Call {
	case "Open", "OpenDir", "OpenReadWrite", "Create", "ReuseForWrite", "List", "Lock":
		return true
	}
	return false
}

// faults decides which calls fail.
type faults struct {
	mu   sync.Mutex
	fail func(Op) error
}

// Fail has every call ask fail first, and fail itself with its error if that is not nil.
// fail may be called by several goroutines at once. nil ends it.
func (f *faults) Fail(fail func(Op) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *faults) check(call, path string) error {
	f.mu.Lock()
	fail := f.fail
	f.mu.Unlock()
	if fail != nil {
		return fail(Op{call, path})
	}
	return nil
}
