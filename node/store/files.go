package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
)

// Files lie in slivers/xx/, xx being the first byte of the blob id in hexadecimal,
// and are named by blob id and number; those not complete yet in tmp/.
const (
	sliversName   = "slivers"
	temporaryDir  = "tmp"
	fileSuffix    = ".slivers"
	numberDigits  = 16
	idDigits      = 43
	directoryBits = 8
)

// errNoHoles is returned where bytes in the middle of a file cannot be given back.
var errNoHoles = errors.New("store: the file system has no holes")

// sliverFiles are the files that large slivers are in: those of a blob that are stored
// at once are in one file.
type sliverFiles struct {
	fs  vfs.FS
	dir string // of the store

	sequence atomic.Uint64 // numbers files; begins at a random value each time
	slots    chan struct{} // one for each file that is open
}

func newSliverFiles(fs vfs.FS, dir string, open int) *sliverFiles {
	f := &sliverFiles{fs: fs, dir: dir, slots: make(chan struct{}, open)}
	var seed [8]byte
	rand.Read(seed[:])
	f.sequence.Store(binary.LittleEndian.Uint64(seed[:]))
	return f
}

// slot waits until one more file may be open.
func (f *sliverFiles) slot() (done func()) {
	f.slots <- struct{}{}
	return func() { <-f.slots }
}

func fileName(id commit.BlobID, number uint64) string {
	return fmt.Sprintf("%v-%016x%s", id, number, fileSuffix)
}

// parseFileName is the inverse of fileName.
func parseFileName(name string) (id commit.BlobID, number uint64, ok bool) {
	rest, ok := strings.CutSuffix(name, fileSuffix)
	if !ok || len(rest) != idDigits+1+numberDigits {
		return id, 0, false
	}
	id, err := commit.ParseBlobID(rest[:idDigits])
	if err != nil {
		return id, 0, false
	}
	number, err = strconv.ParseUint(rest[idDigits+1:], 16, 64)
	return id, number, err == nil && fileName(id, number) == name
}

func (f *sliverFiles) temporary(number uint64) string {
	return f.fs.PathJoin(f.dir, temporaryDir, fmt.Sprintf("%016x", number))
}

func (f *sliverFiles) subdir(first byte) string {
	return f.fs.PathJoin(f.dir, sliversName, fmt.Sprintf("%02x", first))
}

func (f *sliverFiles) name(id commit.BlobID, number uint64) string {
	return f.fs.PathJoin(f.subdir(id[0]), fileName(id, number))
}

// makeDirs makes the directories that are not there, durably, and removes what a
// crash left in the temporary one.
func (f *sliverFiles) makeDirs() error {
	slivers := f.fs.PathJoin(f.dir, sliversName)
	temporary := f.fs.PathJoin(f.dir, temporaryDir)
	for _, dir := range []string{slivers, temporary} {
		if err := f.fs.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	have, err := f.fs.List(slivers)
	if err != nil {
		return err
	}
	slices.Sort(have)
	for i := range 1 << directoryBits {
		if _, found := slices.BinarySearch(have, fmt.Sprintf("%02x", i)); found {
			continue
		}
		if err := f.fs.MkdirAll(f.subdir(byte(i)), 0o700); err != nil {
			return err
		}
	}
	for _, dir := range []string{slivers, f.dir, f.fs.PathDir(f.dir)} {
		if err := syncDir(f.fs, dir); err != nil {
			return err
		}
	}
	left, err := f.fs.List(temporary)
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := f.fs.Remove(f.fs.PathJoin(temporary, name)); err != nil {
			return err
		}
	}
	return nil
}

// number returns a number that no file has.
func (f *sliverFiles) number() (number uint64) {
	for number == 0 { // which means no file
		number = f.sequence.Add(1)
	}
	return number
}

// durability says how much of a file is to be on the disk after a write to it.
type durability uint8

const (
	someTime durability = iota // on its way
	dataOnly                   // all bytes, but it need not be found
	durable                    // all of it
)

// extent is some bytes of a file, and where they belong.
type extent struct {
	off   int64
	data  []byte
	spent bool // it may be changed
}

// join returns an extent that goes on with the next one, if they lie one after another in the
// file and in memory.
func (e extent) join(next extent) (extent, bool) {
	n := len(e.data)
	if n == 0 || len(next.data) == 0 || e.spent != next.spent || e.off+int64(n) != next.off ||
		cap(e.data)-n < len(next.data) || &e.data[:n+1][n] != &next.data[0] {
		return e, false
	}
	e.data = e.data[:n+len(next.data)]
	return e, true
}

// write writes to a temporary file, and makes it if it is not there. It has no name under
// which it is found until it is published. After an error it is of no use.
func (f *sliverFiles) write(number uint64, when durability, extents ...extent) error {
	defer f.slot()()
	file, err := f.fs.OpenReadWrite(f.temporary(number), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	w := outputs.Get().(*output)
	defer outputs.Put(w)
	w.reset(file)
	err = w.writeAll(extents)
	if err == nil {
		switch when {
		case someTime:
			_, err = file.SyncTo(w.off)
		case dataOnly:
			err = file.SyncData()
		case durable:
			err = file.Sync()
		}
	}
	return errors.Join(err, file.Close())
}

// discard removes a temporary file, if there is one. If it cannot be removed now, it is
// when the store is opened next.
func (f *sliverFiles) discard(number uint64) {
	if number != 0 {
		_ = f.fs.Remove(f.temporary(number))
	}
}

// publish gives a temporary file the name under which it is found, durably.
func (f *sliverFiles) publish(id commit.BlobID, number uint64) error {
	defer f.slot()()
	name := f.name(id, number)
	err := f.fs.Rename(f.temporary(number), name)
	if oserror.IsNotExist(err) { // somebody has removed the directory
		if err = f.fs.MkdirAll(f.subdir(id[0]), 0o700); err == nil {
			err = errors.Join(syncDir(f.fs, f.fs.PathJoin(f.dir, sliversName)), f.fs.Rename(f.temporary(number), name))
		}
	}
	if err != nil {
		f.discard(number)
		return err
	}
	if err := syncDir(f.fs, f.subdir(id[0])); err != nil {
		_ = f.fs.Remove(name)
		return err
	}
	return nil
}

// remove removes a file. It does not matter if it is not there.
func (f *sliverFiles) remove(id commit.BlobID, number uint64) error {
	err := f.fs.Remove(f.name(id, number))
	if oserror.IsNotExist(err) {
		return nil
	}
	return err
}

// read reads whole blocks of a sliver, verifies them, and appends what is wanted of them.
func (f *sliverFiles) read(dst []byte, id commit.BlobID, p place, off, n int64) ([]byte, error) {
	if n == 0 {
		return dst, nil
	}
	first := off / blockSize * blockSize
	end := min((off+n+blockSize-1)/blockSize*blockSize, p.size)
	start := len(dst)
	dst = slices.Grow(dst, int(end-first))
	blocks := dst[start:][:end-first]
	if err := f.readAt(blocks, f.name(id, p.file), p.off+first); err != nil {
		return nil, err
	}
	for i, at := int(first/blockSize), 0; at < len(blocks); i, at = i+1, at+blockSize {
		block := blocks[at:min(at+blockSize, len(blocks))]
		if crc32.Checksum(block, castagnoli) != p.sums[i] {
			return nil, errChecksum
		}
	}
	copy(blocks, blocks[off-first:][:n])
	return dst[:start+int(n)], nil
}

// readAt fills b from a file. The error is io.ErrUnexpectedEOF if the file is too short.
func (f *sliverFiles) readAt(b []byte, name string, off int64) error {
	defer f.slot()()
	file, err := f.fs.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	if read, err := file.ReadAt(b, off); read < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}

// trim gives all bytes of a file back to the disk that lie between the live ranges, which
// are in their order. It does not matter if the file is not there. The error is
// errNoHoles if the file has to be written anew for that.
func (f *sliverFiles) trim(id commit.BlobID, number uint64, live []span) error {
	defer f.slot()()
	name := f.name(id, number)
	info, err := f.fs.Stat(name)
	if oserror.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	file, err := f.fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer file.Close()
	at := int64(0)
	for _, s := range append(slices.Clip(live), span{info.Size(), info.Size()}) {
		if s.off > at {
			if err := punchHole(file, span{at, s.off}); err != nil {
				return err
			}
		}
		at = max(at, s.end)
	}
	return nil
}
