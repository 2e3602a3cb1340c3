package store

import (
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// writeSize is how much is written to a file at once.
	writeSize = 1 << 20
	// page is what the length, the place in the file and the place in memory are multiples of
	// where bytes go to the disk past the system's cache.
	page = 4 << 10
	// directLeast is the least that is worth it. Each such write waits for the disk.
	directLeast = 128 << 10
)

// Room returns memory for so many bytes. If they are many it begins with a page: what is spent goes
// to the disk from there, if it is as far from the begin of a page as it is in the file.
func Room(n int) []byte {
	if n < directLeast {
		return make([]byte, n)
	}
	return pages(n)
}

// Page is the length of a page, in bytes.
const Page = page

// output writes to a file in large pieces. The data goes through a buffer, unless it is spent,
// because a vfs.File may change what it is given to write.
//
// Large pieces go past the system's cache where they can: it would take memory for each page,
// which costs more than all else that becomes of the bytes of a write. What does not fill
// pages at the ends goes through the cache.
type output struct {
	f      vfs.File
	at     int64  // where the file is
	off    int64  // of the buffer in the file
	room   []byte // whole pages
	buffer []byte // part of the room, as far from the begin of a page as off is
	direct bool   // the file may take pages past the cache
}

var outputs = sync.Pool{New: func() any { return &output{room: pages(writeSize)} }}

func (w *output) reset(f vfs.File) {
	*w = output{f: f, room: w.room, direct: f.Fd() != vfs.InvalidFd}
	w.moveTo(0)
}

// moveTo sets where the empty buffer is in the file.
func (w *output) moveTo(off int64) {
	slack := int(off % page)
	w.off, w.buffer = off, w.room[slack:slack]
}

// writeAll writes extents. What follows another one goes with it.
func (w *output) writeAll(extents []extent) error {
	for i := 0; i < len(extents); {
		e := extents[i]
		for i++; i < len(extents); i++ {
			joined, ok := e.join(extents[i])
			if !ok {
				break
			}
			e = joined
		}
		if err := w.write(e); err != nil {
			return err
		}
	}
	return w.flush()
}

func (w *output) write(e extent) error {
	if e.off != w.off+int64(len(w.buffer)) {
		if err := w.flush(); err != nil {
			return err
		}
		w.moveTo(e.off)
	}
	data := e.data
	if head := int(-e.off & (page - 1)); w.direct && e.spent && len(data)-head >= directLeast && aligned(data[head:]) {
		whole := (len(data) - head) &^ (page - 1)
		if err := w.whole(data[:head], data[head:][:whole]); err != nil {
			return err
		}
		data = data[head+whole:]
	}
	for len(data) > 0 {
		n := copy(w.buffer[len(w.buffer):cap(w.buffer)], data)
		w.buffer, data = w.buffer[:len(w.buffer)+n], data[n:]
		if len(w.buffer) == cap(w.buffer) {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// whole writes pages from where they are, behind what is in the buffer and a head that ends with
// a page.
func (w *output) whole(head, data []byte) error {
	if err := w.write(extent{off: w.off + int64(len(w.buffer)), data: head}); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.putPages(data); err != nil {
		return err
	}
	w.moveTo(w.off)
	return nil
}

// flush writes what is in the buffer.
func (w *output) flush() error {
	data := w.buffer
	head := min(int(-w.off&(page-1)), len(data))
	whole := (len(data) - head) &^ (page - 1)
	if w.direct && whole >= directLeast {
		if err := w.put(data[:head]); err != nil {
			return err
		}
		if err := w.putPages(data[head:][:whole]); err != nil {
			return err
		}
		data = data[head+whole:]
	}
	if err := w.put(data); err != nil {
		return err
	}
	w.moveTo(w.off)
	return nil
}

// putPages writes whole pages past the cache, or through it where the system wants it so.
func (w *output) putPages(data []byte) error {
	if w.direct = bypass(w.f, true) == nil; !w.direct {
		return w.put(data)
	}
	err := w.put(data)
	if failed := bypass(w.f, false); failed != nil {
		return failed
	}
	if unaligned(err) { // for this file system, and nothing was written
		w.direct = false
		return w.put(data)
	}
	return err
}

// put writes what is next.
func (w *output) put(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	var n int
	var err error
	if w.at == w.off {
		n, err = w.f.Write(data)
		w.at += int64(n)
	} else {
		n, err = w.f.WriteAt(data, w.off)
	}
	w.off += int64(n)
	return err
}
