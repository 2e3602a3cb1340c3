package rs2d

import (
	"context"
	"io"
	"slices"
	"sync"
)

// streamDecodeBytes bounds the rows that DecodeTo works on at a time, and the parity
// columns of its strict check.
const streamDecodeBytes = 128 << 20

// streamDecoding is one call of DecodeTo.
type streamDecoding struct {
	*blob
	ctx   context.Context
	src   Source
	opts  streamOptions
	check Check
	live  int // rows that hold bytes of the blob

	mu       sync.Mutex // of what follows
	use      [2][]bool  // per axis and index, whether the sliver is in use
	rejected []error

	noZeros   bool    // rows past the end are not known to be zero
	verified  [2]bool // all slivers in use of the axis have the metadata's root
	recovered *spool  // rows that no sliver in use has, once they are recovered
	spooled   []bool  // which
	rows      []byte  // a window of rows
	parts     []byte  // what they are recovered from
	progress  progress
}

// run decodes and checks the blob into w.
func (d *streamDecoding) run(w io.Writer, have []SliverRef) error {
	d.live = d.layout.live(d.meta.Length)
	for axis := range d.use {
		d.use[axis] = make([]bool, d.N)
	}
	for _, ref := range have {
		if err := checkRef(d.N, ref); err != nil {
			d.rejected = append(d.rejected, &SliverError{ref, err})
		} else {
			d.use[ref.Axis][ref.Index] = true
		}
	}
	d.recovered, d.spooled = &spool{dir: d.opts.spool, limit: d.opts.memory / 8}, make([]bool, d.P)
	defer d.recovered.close()

	if _, err := d.plan(); err != nil && !d.complete() {
		return err // before anything is allocated
	}

	length, passes := int64(d.live)*int64(d.row), int64(1)
	encoded := int64(d.N) * int64(d.row+d.column)
	if d.check != CheckStrict {
		encoded = 0
	} else if d.opts.readBack == nil {
		passes = 2
	}
	d.progress.start(d.opts.progress, passes*length+encoded)
	write := func(rows []byte, at int) error {
		off := uint64(at) * uint64(d.row)
		_, err := w.Write(rows[:min(uint64(len(rows)), d.meta.Length-off)])
		return err
	}
	if encoded > 0 && d.opts.readBack == nil {
		// Nothing is written before all is known to be right.
		if err := d.pass(nowhere); err != nil {
			return err
		}
		if err := strict(d, d); err != nil {
			return err
		}
	}
	if err := d.pass(write); err != nil {
		return err
	}
	if encoded > 0 && d.opts.readBack != nil {
		return strict(d, d.opts.readBack)
	}
	return nil
}

func nowhere([]byte, int) error { return nil }

// strict is encodesTo, which begins anew without slivers that were right and cannot be read
// any more.
func strict(d *streamDecoding, blob io.ReaderAt) error {
	done := d.progress.done
	for {
		before := len(d.rejected)
		err := d.encodesTo(blob)
		if err == nil || len(d.rejected) == before || d.ctx.Err() != nil {
			return err
		}
		d.progress.again(done - int64(d.live)*int64(d.row))
		if err := d.pass(nowhere); err != nil {
			return err
		}
	}
}

// pass calls emit with all rows that hold bytes of the blob, in order and some at a time.
// With a check they have the metadata's roots.
func (d *streamDecoding) pass(emit func(rows []byte, at int) error) error {
	if d.check != CheckNone && !d.zerosPass(d.live) {
		return d.accuseZeros()
	}
	window := int(max(1, d.opts.memory/4/int64(d.row)))
	for at := 0; at < d.live; at += window {
		end := min(at+window, d.live)
		d.rows = resizeLarge(d.rows, (end-at)*d.row)
		if err := d.load(at, end); err != nil {
			return err
		}
		if err := emit(d.rows, at); err != nil {
			return err
		}
		d.progress.add(int64(len(d.rows)))
	}
	return d.ctx.Err()
}

// load brings rows from up to to, each from the sliver that it is, or else recovered.
func (d *streamDecoding) load(from, to int) error {
	row := func(i int) []byte { return d.rows[(i-from)*d.row:][:d.row] }
	for {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		p, err := d.recover(from, to)
		if err != nil {
			return err
		}
		// Rows that were recovered although slivers have them are overwritten.
		if d.read(to-from, func(t int) (SliverRef, []byte, int64) { return SliverRef{Primary, from + t}, row(from + t), 0 }) > 0 {
			continue // some are to be recovered after all
		}
		for i := from; i < to; i++ {
			if d.spooled[i] {
				if _, err := d.recovered.ReadAt(row(i), int64(i)*int64(d.row)); err != nil {
					return err
				}
			}
		}
		if err := d.ctx.Err(); err != nil || d.check == CheckNone {
			return err // after which nothing was read
		}
		wrong, err := d.verifyRows(from, to, p)
		if err != nil || !wrong {
			return err
		}
	}
}

// verifyRows compares the roots of the rows in work with the metadata's, and reports
// whether some are wrong: slivers among them are rejected, and so are those that rows were
// recovered from, if they are wrong. Recovered rows that are right are spooled.
func (d *streamDecoding) verifyRows(from, to int, p *plan) (wrong bool, err error) {
	slivers := make([][]byte, to-from)
	for t := range slivers {
		slivers[t] = d.rows[t*d.row:][:d.row]
	}
	recovered := false // wrong ones
	for t, root := range d.c.along[Primary].roots(d.size, slivers) {
		i := from + t
		switch right := root == d.meta.Primary[i]; {
		case d.spooled[i]:
		case d.use[Primary][i]:
			if !right {
				d.reject(SliverRef{Primary, i}, ErrRoot)
				wrong = true
			}
		case !right:
			wrong, recovered = true, true
		default:
			if _, err := d.recovered.WriteAt(slivers[t], int64(i)*int64(d.row)); err != nil {
				return false, err
			}
			d.spooled[i] = true
		}
	}
	if !recovered {
		return wrong, nil
	}
	if d.verified[p.axis] {
		return false, d.accuse(*p)
	}
	return true, d.verify(p.axis)
}

// complete reports whether no row needs to be recovered.
func (d *streamDecoding) complete() bool {
	for i := range d.live {
		if !d.use[Primary][i] {
			return false
		}
	}
	return true
}

// reject takes a sliver out of use.
func (d *streamDecoding) reject(ref SliverRef, why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.use[ref.Axis][ref.Index] {
		d.use[ref.Axis][ref.Index] = false
		d.rejected = append(d.rejected, &SliverError{ref, why})
		if d.opts.reject != nil {
			d.opts.reject(ref, why)
		}
	}
}

// read fills count pieces of slivers that are in use, on all cores. It returns how many
// slivers were rejected because they could not be read.
func (d *streamDecoding) read(count int, piece func(t int) (ref SliverRef, dst []byte, off int64)) (rejected int) {
	before := len(d.rejected)
	d.c.crew.NewGroup().Do(d.c.crew.Size(), count, func(_, t int) {
		ref, dst, off := piece(t)
		if !d.use[ref.Axis][ref.Index] || d.ctx.Err() != nil {
			return
		}
		if err := d.src.ReadSliverAt(ref, dst, off); err != nil {
			d.reject(ref, err)
		}
	})
	return len(d.rejected) - before
}

// makeParts returns n bytes for parts of slivers. The memory is asked for once, as it is
// bounded, lest there be garbage of several lengths.
func (d *streamDecoding) makeParts(n int) []byte {
	if cap(d.parts) < n {
		d.parts = resizeLarge(nil, int(max(int64(n), min(d.opts.memory/4, int64(d.N)*int64(d.row)))))
	}
	return d.parts[:n]
}

// verify reads all slivers in use of an axis, and rejects those that are wrong.
func (d *streamDecoding) verify(axis Axis) error {
	size := d.sliver(axis)
	batch := int(max(1, d.opts.memory/4/int64(size)))
	var refs []SliverRef
	for i, use := range d.use[axis] {
		if use {
			refs = append(refs, SliverRef{axis, i})
		}
	}
	parts := d.makeParts(min(batch, len(refs)) * size)
	for group := range slices.Chunk(refs, batch) {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		list := make([]Sliver, len(group))
		for t, ref := range group {
			list[t] = Sliver{ref, parts[t*size:][:size]}
		}
		d.read(len(group), func(t int) (SliverRef, []byte, int64) { return group[t], list[t].Data, 0 })
		if err := d.ctx.Err(); err != nil {
			return err
		}
		for t, err := range d.verifySlivers(list) {
			if err != nil && d.use[axis][group[t].Index] {
				d.reject(group[t], ErrRoot)
			}
		}
	}
	d.verified[axis] = true
	return nil
}
