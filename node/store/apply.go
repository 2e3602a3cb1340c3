package store

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
)

// Apply makes the update visible and durable, see [Store].
func (d *Disk) Apply(id commit.BlobID, u Update) (err error) {
	if err := d.Failed(); err != nil {
		return err
	}
	if err := d.room(u); err != nil {
		return err
	}
	b := d.db.NewBatch()
	defer b.Close()
	for r, value := range u.Records {
		if err := b.Set(blobKey(byte(r), id), value, nil); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	for _, ref := range u.Drop {
		if err := b.Delete(sliverKey(id, ref), nil); err != nil {
			return fmt.Errorf("store: %w", err)
		}
		if err := b.Delete(refKey(badKind, id, ref), nil); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}

	var large []Sliver
	for _, s := range u.Slivers {
		if err := b.Delete(refKey(badKind, id, s.Ref), nil); err != nil {
			return fmt.Errorf("store: %w", err)
		}
		if len(s.Data) > d.inline {
			large = append(large, s)
		} else if err := b.Set(sliverKey(id, s.Ref), inlineValue(s.Data), nil); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	var number uint64
	if len(large) > 0 {
		number = d.sequence.Add(1)
		places, err := d.writeTemporary(number, large)
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		for i := range places {
			if err := b.Set(sliverKey(id, large[i].Ref), places[i].value(), nil); err != nil {
				return fmt.Errorf("store: %w", err)
			}
		}
	}

	defer d.lock(id)()
	var old []uint64
	if len(u.Slivers) > 0 || len(u.Drop) > 0 {
		if old, err = d.files(id); err != nil {
			return err
		}
	}
	if number != 0 {
		if err := d.publish(id, number); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	if err := d.commit(b); err != nil {
		return err
	}
	d.removeUnused(id, old)
	return nil
}

// Room returns the bytes that can be stored, see [Store].
func (d *Disk) Room() (int64, bool) {
	free, known := d.Free()
	if free <= d.spare {
		return 0, known
	}
	return int64(min(free-d.spare, math.MaxInt64)), known
}

// room returns ErrFull if the update would take of the reserve. One that drops slivers
// may: it gives back more than its records take.
func (d *Disk) room(u Update) error {
	if d.spare == 0 || len(u.Drop) > 0 && len(u.Slivers) == 0 {
		return nil
	}
	free, known := d.Free()
	need := d.spare
	for _, s := range u.Slivers {
		need += uint64(len(s.Data))
	}
	for _, value := range u.Records {
		need += uint64(len(value))
	}
	if known && free < need {
		return ErrFull
	}
	return nil
}

// writeTemporary writes slivers one after another into a temporary file, and syncs
// it.
func (d *Disk) writeTemporary(number uint64, slivers []Sliver) (places []place, err error) {
	name := d.temporaryName(number)
	f, err := d.fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			// What cannot be removed now is when the store is opened next.
			_ = d.fs.Remove(name)
		}
	}()
	off := int64(0)
	w := writers.Get().(*bufferedWriter)
	defer writers.Put(w)
	w.reset(f)
	for _, s := range slivers {
		if err := w.write(s.Data); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		places = append(places, place{file: number, off: off, size: int64(len(s.Data)), sums: checksums(s.Data)})
		off += int64(len(s.Data))
	}
	if err := errors.Join(w.flush(), f.Sync()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return places, f.Close()
}

// bufferedWriter writes to a file in large pieces. The data goes through a buffer in
// any case, because a vfs.File may change what it is given to write.
type bufferedWriter struct {
	f      vfs.File
	buffer []byte
}

var writers = sync.Pool{New: func() any { return &bufferedWriter{buffer: make([]byte, 0, writeSize)} }}

const writeSize = 1 << 20

func (w *bufferedWriter) reset(f vfs.File) { w.f, w.buffer = f, w.buffer[:0] }

func (w *bufferedWriter) write(data []byte) error {
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

func (w *bufferedWriter) flush() error {
	_, err := w.f.Write(w.buffer)
	w.buffer = w.buffer[:0]
	return err
}

// publish gives a temporary file the name under which it is found, durably.
func (d *Disk) publish(id commit.BlobID, number uint64) error {
	dir := d.sliverDir(id)
	name := d.fs.PathJoin(dir, fileName(id, number))
	if err := d.fs.Rename(d.temporaryName(number), name); err != nil {
		_ = d.fs.Remove(d.temporaryName(number))
		return err
	}
	if err := d.syncDir(dir); err != nil {
		_ = d.fs.Remove(name)
		return err
	}
	return nil
}

// files returns the numbers of the files that the blob's places are in.
func (d *Disk) files(id commit.BlobID) (numbers []uint64, err error) {
	prefix := blobKey(sliverKind, id)
	err = d.scan(prefix, after(prefix), func(_, value []byte) (bool, error) {
		// A place that cannot be read refers to nothing that could be kept.
		p, err := parsePlace(value)
		if err == nil && p.inline == nil && !slices.Contains(numbers, p.file) {
			numbers = append(numbers, p.file)
		}
		return true, nil
	})
	return numbers, err
}

// removeUnused removes those of the blob's files that none of its places is in any
// more. What fails here is left for Sweep.
func (d *Disk) removeUnused(id commit.BlobID, numbers []uint64) {
	if len(numbers) == 0 {
		return
	}
	used, err := d.files(id)
	if err != nil {
		return
	}
	for _, number := range numbers {
		if !slices.Contains(used, number) {
			_ = d.fs.Remove(d.fs.PathJoin(d.sliverDir(id), fileName(id, number)))
		}
	}
}
