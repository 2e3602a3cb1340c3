// Package cork gathers what is written to a connection in small pieces. TLS writes each of its
// records by itself, and each of these costs a system call, wakes whoever reads, and is read
// by itself.
package cork

import (
	"io"
	"sync"
	"sync/atomic"
)

const (
	// Least is how many bytes take more than one record.
	Least = record + 1
	// record is how many bytes a record of TLS has at most, and overhead what it takes besides.
	record, overhead = 16 << 10, 22
	// room is for the records that go out together.
	room = 8 * (record + overhead)
)

// Buffers are the memory of writers: a few have some at a time, and others write without.
// What nobody has used for a while goes to the collector.
type Buffers struct {
	left atomic.Int64 // writers that may still have some
	free sync.Pool    // of *[room]byte
}

// NewBuffers returns room for so many writers at a time.
func NewBuffers(writers int) *Buffers {
	b := &Buffers{free: sync.Pool{New: func() any { return new([room]byte) }}}
	b.left.Store(int64(writers))
	return b
}

// take returns memory for some records, or nil if others have all there is.
func (b *Buffers) take() *[room]byte {
	if b.left.Add(-1) < 0 {
		b.left.Add(1)
		return nil
	}
	return b.free.Get().(*[room]byte)
}

// give gives back what take returned.
func (b *Buffers) give(buffer *[room]byte) {
	if buffer != nil {
		b.free.Put(buffer)
		b.left.Add(1)
	}
}

// Writer writes to a connection, at once unless it gathers. Writes of several goroutines go
// out in their order.
type Writer struct {
	to io.Writer

	mu     sync.Mutex
	buffer *[room]byte // nil unless it gathers
	n      int         // bytes in it
}

// NewWriter returns a writer to a connection.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Gather calls write, and gathers meanwhile what goes through the writer. All of it has gone
// out when Gather returns. The error is that of write, or else the connection's.
func (w *Writer) Gather(buffers *Buffers, write func() (int, error)) (n int, err error) {
	buffer := buffers.take()
	defer buffers.give(buffer)
	w.mu.Lock()
	w.buffer = buffer
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if failed := w.flush(); err == nil {
			err = failed
		}
		w.buffer = nil
	}()
	return write()
}

// Write writes, or gathers.
func (w *Writer) Write(b []byte) (total int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.buffer == nil {
		return w.to.Write(b)
	}
	for {
		n := copy(w.buffer[w.n:], b)
		w.n += n
		total += n
		if b = b[n:]; len(b) == 0 {
			return total, nil
		}
		if err := w.flush(); err != nil {
			return total, err
		}
	}
}

// flush writes what was gathered. After an error nobody can tell what has come of it.
func (w *Writer) flush() error {
	if w.n == 0 {
		return nil
	}
	_, err := w.to.Write(w.buffer[:w.n])
	w.n = 0
	return err
}
