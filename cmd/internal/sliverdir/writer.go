package sliverdir

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

const (
	// pendingBytes is about how much of the slivers waits to be written.
	pendingBytes = 64 << 20
	// minChunk and maxChunk bound how much of a sliver is written at once. Chunks begin
	// and end at whole multiples of minChunk, which is a page.
	minChunk, maxChunk = 4 << 10, 1 << 20
)

// Writer takes the slivers of a directory in the making. It is an rs2d.Sink. Encoders
// write primary slivers a few symbols at a time: to open and to write a file for each
// of them takes longer than to encode them, so pieces that follow one another wait
// until they are a chunk.
type Writer struct {
	temp  *os.Root // where the files are
	path  string   // where they will be
	n     int
	chunk int // of pieces that were gathered
	files map[rs2d.Axis][]*sliverFile
}

// sliverFile is what waits to be written to a file.
type sliverFile struct {
	mu   sync.Mutex
	runs []run // that do not follow one another, as many as there are workers
}

// run is pieces that follow one another.
type run struct {
	off  int64
	data []byte
}

// newWriter makes the files in temp, and room for what they will have, as far as the
// file system can: what does not fit is known before the work, and what is written in
// pieces lies together.
func newWriter(ctx context.Context, temp *os.Root, path string, params commit.Params, length uint64) (*Writer, error) {
	size, err := params.SymbolSize(length)
	if err != nil {
		return nil, err
	}
	w := &Writer{temp: temp, path: path, n: params.N, files: map[rs2d.Axis][]*sliverFile{}}
	chunk := pendingBytes / (params.N * runtime.GOMAXPROCS(0))
	w.chunk = min(max(chunk, minChunk), maxChunk) &^ (minChunk - 1)
	lengths := map[rs2d.Axis]int64{rs2d.Primary: int64(params.S) * int64(size), rs2d.Secondary: int64(params.P) * int64(size)}
	for axis := range lengths {
		w.files[axis] = make([]*sliverFile, params.N)
		for i := range w.files[axis] {
			w.files[axis][i] = new(sliverFile)
		}
	}
	return w, w.each(ctx, func(ref rs2d.SliverRef) error {
		f, err := w.temp.OpenFile(Name(ref, w.n), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			err = errors.Join(atomicfile.Allocate(f, lengths[ref.Axis]), f.Close())
		}
		return w.naming(Name(ref, w.n), err)
	})
}

// WriteSliverAt stores a piece of a sliver. Files are not kept open, so that the
// number of slivers has no bound.
func (w *Writer) WriteSliverAt(ref rs2d.SliverRef, data []byte, off int64) error {
	if len(data) >= w.chunk {
		return w.writeAt(Name(ref, w.n), data, off)
	}
	f := w.files[ref.Axis][ref.Index]
	f.mu.Lock()
	defer f.mu.Unlock()
	at := slices.IndexFunc(f.runs, func(r run) bool { return r.off+int64(len(r.data)) == off })
	if at < 0 {
		begun := run{off: off}
		if len(f.runs) == runtime.GOMAXPROCS(0) {
			// The oldest is that of a worker which is elsewhere now.
			if err := w.writeRun(ref, &f.runs[0]); err != nil {
				return err
			}
			begun.data = f.runs[0].data
			f.runs = append(f.runs[:0], f.runs[1:]...)
		} else {
			begun.data = make([]byte, 0, w.chunk+minChunk)
		}
		at = len(f.runs)
		f.runs = append(f.runs, begun)
	}
	r := &f.runs[at]
	r.data = append(r.data, data...)
	if len(r.data) < w.chunk {
		return nil
	}
	// Up to the end of a page: the next chunk begins with the next one.
	whole := len(r.data) - int((r.off+int64(len(r.data)))%minChunk)
	if whole <= 0 {
		return nil
	}
	if err := w.writeAt(Name(ref, w.n), r.data[:whole], r.off); err != nil {
		return err
	}
	r.off += int64(whole)
	r.data = r.data[:copy(r.data, r.data[whole:])]
	return nil
}

// flush writes what waits of a sliver.
func (w *Writer) flush(ref rs2d.SliverRef) error {
	f := w.files[ref.Axis][ref.Index]
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.runs {
		if err := w.writeRun(ref, &f.runs[i]); err != nil {
			return err
		}
	}
	f.runs = nil
	return nil
}

// writeRun writes what there is of a run.
func (w *Writer) writeRun(ref rs2d.SliverRef, r *run) error {
	data := r.data
	r.data = r.data[:0]
	if len(data) == 0 {
		return nil
	}
	return w.writeAt(Name(ref, w.n), data, r.off)
}

func (w *Writer) writeAt(name string, data []byte, off int64) error {
	f, err := w.temp.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err == nil {
		_, err = f.WriteAt(data, off)
		err = errors.Join(err, f.Close())
	}
	return w.naming(name, err)
}
