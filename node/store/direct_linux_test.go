package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// directFile notes which bytes go past the cache, and refuses them if it is told to.
type directFile struct {
	vfs.File
	t      *testing.T
	refuse bool
	bytes  int
	first  *byte // of those
}

func (f *directFile) pass(b []byte, off int64) error {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	if flags&unix.O_DIRECT == 0 {
		return nil
	}
	if at := uintptr(unsafe.Pointer(unsafe.SliceData(b))); off%page != 0 || len(b)%page != 0 || at%page != 0 {
		f.t.Errorf("%d bytes at %#x go to %d past the cache: want whole pages", len(b), at, off)
	}
	if f.first == nil {
		f.first = &b[0]
	}
	if f.refuse {
		return &os.PathError{Op: "write", Err: unix.EINVAL}
	}
	f.bytes += len(b)
	return nil
}

func (f *directFile) Write(b []byte) (int, error) {
	at, err := unix.Seek(int(f.Fd()), 0, 1)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := f.pass(b, at); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}

func (f *directFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.pass(b, off); err != nil {
		return 0, err
	}
	return f.File.WriteAt(b, off)
}

type directFS struct {
	vfs.FS
	file *directFile
}

func (f directFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.FS.OpenReadWrite(name, c, o...)
	f.file.File = file
	return f.file, err
}

// TestDirect has large pieces go past the cache, and through it where a file system wants it, also
// from where they are.
func TestDirect(t *testing.T) {
	data := Room(3_000_000)
	copy(data, bytes.Repeat([]byte("0123456789"), 300_000))
	for i := range 4 {
		refuse, spent := i%2 == 1, i >= 2
		name := filepath.Join(t.TempDir(), "f")
		fs := directFS{vfs.Default, &directFile{t: t, refuse: refuse}}
		extents := []extent{{0, data[:700_001], spent}, {700_001, data[700_001:2_000_000], spent}, {2_000_111, data[2_000_111:], spent}}
		if err := writeOut(fs, name, extents); err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(data)
		clear(want[2_000_000:2_000_111])
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("refuse %v, spent %v: another file of %d bytes, %v", refuse, spent, len(got), err)
		}
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		_, can := unix.FcntlInt(file.Fd(), unix.F_SETFL, unix.O_DIRECT)
		if least := len(data) - 4*page; !refuse && can == nil && fs.file.bytes < least {
			t.Errorf("%d bytes went past the cache, want %d", fs.file.bytes, least)
		}
		if at := &data[0]; spent && can == nil && fs.file.first != at {
			t.Error("the first page was copied")
		}
		file.Close()
	}
}
