package rs2d

import "io"

// Rows that no sliver has are recovered some at a time: from secondary slivers if there
// are enough, of which only the symbols in these rows are read; or else from primary
// ones, all of which are read each time.

// known reports whether a primary sliver is at hand: in use, recovered already, or zero
// because it lies past the blob's end.
func (d *streamDecoding) known(i int) bool {
	return d.use[Primary][i] || d.isSpooled(i) || d.isZero(i)
}

func (d *streamDecoding) isSpooled(i int) bool { return i < d.P && d.spooled[i] }

func (d *streamDecoding) isZero(i int) bool { return i >= d.live && i < d.P && !d.noZeros }

// plan chooses the slivers to recover rows from.
func (d *streamDecoding) plan() (plan, error) {
	primary, secondary := make([]int, 0, d.P), make([]int, 0, d.S)
	for i := range d.N {
		if d.use[Secondary][i] && len(secondary) < d.S {
			secondary = append(secondary, i)
		}
		if d.known(i) && len(primary) < d.P {
			primary = append(primary, i)
		}
	}
	switch {
	case len(secondary) == d.S:
		return plan{Secondary, secondary}, nil
	case len(primary) == d.P:
		return plan{Primary, primary}, nil
	case len(primary) == d.P-1 && d.completeBoundary():
		return d.plan()
	}
	few := &NotEnoughError{
		HavePrimary: len(primary), NeedPrimary: d.P,
		HaveSecondary: len(secondary), NeedSecondary: d.S,
		Rejected: d.rejected,
	}
	if len(d.rejected) == 0 || d.check == CheckNone || d.verified == [2]bool{true, true} {
		return plan{}, few
	}
	// Whoever reads the error learns of all that are wrong.
	for axis := range Axis(2) {
		if err := d.verify(axis); err != nil {
			return plan{}, err
		}
	}
	return d.plan()
}

// completeBoundary recovers the row that the blob ends in from the columns and its zero
// tail, if these suffice. See peel.go.
func (d *streamDecoding) completeBoundary() bool {
	last := d.live - 1
	if last < 0 || d.known(last) {
		return false
	}
	row, root, ok := d.solveBoundary(last, func(j int) []byte {
		if !d.use[Secondary][j] {
			return nil
		}
		symbol := make([]byte, d.size)
		if err := d.src.ReadSliverAt(SliverRef{Secondary, j}, symbol, int64(last)*int64(d.size)); err != nil {
			d.reject(SliverRef{Secondary, j}, err)
			return nil
		}
		return symbol
	})
	if ok && d.check != CheckNone && root != d.meta.Primary[last] {
		if d.verified[Secondary] {
			return false
		}
		return d.verify(Secondary) == nil && d.completeBoundary()
	}
	if !ok {
		return false
	}
	if _, err := d.recovered.WriteAt(row, int64(last)*int64(d.row)); err != nil {
		return false
	}
	d.spooled[last] = true
	return true
}

// recover decodes those of the rows from up to to, which are in work, that are not known.
// It returns what it did so from, nil if there are none.
func (d *streamDecoding) recover(from, to int) (*plan, error) {
	first, last := from, to
	for first < last && d.known(first) {
		first++
	}
	for last > first && d.known(last-1) {
		last--
	}
	if first == last {
		return nil, nil
	}
	for {
		if err := d.ctx.Err(); err != nil {
			return nil, err
		}
		p, err := d.plan()
		if err != nil {
			return nil, err
		}
		if d.solveRows(d.rows[(first-from)*d.row:][:(last-first)*d.row], p, first, last) {
			return &p, nil
		}
	}
}

// solveRows decodes the rows from up to to from the slivers of the plan. It reports
// whether all of these could be read.
func (d *streamDecoding) solveRows(out []byte, p plan, from, to int) bool {
	// Symbols base to base+count of each sliver are read at a time.
	base, end, step := from, to, to-from
	if p.axis == Primary {
		base, end = 0, d.S
		step = int(max(1, min(int64(d.S), d.opts.memory/4/int64(d.P*d.size))))
	}
	s := newSolver(d.blob, p, from, to)
	slivers := make([][]byte, d.N)
	for ; base < end; base += step {
		count := min(step, end-base)
		width := count * d.size
		parts := d.makeParts(len(p.chosen) * width)
		for t, i := range p.chosen {
			slivers[i] = parts[t*width:][:width]
		}
		off := int64(base) * int64(d.size)
		if d.read(len(p.chosen), func(t int) (SliverRef, []byte, int64) {
			i := p.chosen[t]
			return SliverRef{p.axis, i}, slivers[i], off
		}) > 0 {
			return false
		}
		if p.axis == Primary {
			for _, i := range p.chosen {
				switch {
				case d.use[Primary][i]:
				case d.isZero(i):
					clear(slivers[i])
				default:
					if _, err := d.recovered.ReadAt(slivers[i], int64(i)*int64(d.row)+off); err != nil {
						d.spooled[i] = false
						return false
					}
				}
			}
		}
		s.solve(out, slivers, base, count)
	}
	return true
}

// ReadAt reads the blob, all rows of which are known.
func (d *streamDecoding) ReadAt(dst []byte, off int64) (n int, err error) {
	for n < len(dst) && off < int64(d.meta.Length) {
		i, at := int(off/int64(d.row)), off%int64(d.row)
		part := dst[n:]
		part = part[:min(int64(len(part)), int64(d.row)-at, int64(d.meta.Length)-off)]
		if d.isSpooled(i) {
			_, err = d.recovered.ReadAt(part, off)
		} else {
			ref := SliverRef{Primary, i}
			if err = d.src.ReadSliverAt(ref, part, at); err != nil {
				d.reject(ref, err)
			}
		}
		if err != nil {
			return n, err
		}
		n += len(part)
		off += int64(len(part))
	}
	if n < len(dst) {
		return n, io.EOF
	}
	return n, nil
}

// encodesTo encodes the blob, all rows of which are right, again. The error is an
// *InconsistentError if its metadata is another one.
func (d *streamDecoding) encodesTo(blob io.ReaderAt) error {
	d.rows, d.parts = nil, nil
	done := int64(0)
	meta, err := d.c.EncodeTo(d.ctx, Discard, blob, int64(d.meta.Length), MaxMemory(d.opts.memory), Progress(func(now, _ int64) {
		d.progress.add(now - done)
		done = now
	}))
	if err != nil {
		return err
	}
	if differing(meta, d.meta, Primary) < 0 && differing(meta, d.meta, Secondary) < 0 {
		return nil
	}
	// Rows that were right are not any more. The one that the blob ends in has other bytes
	// behind it than zeros perhaps.
	changed := false
	for i := range int(d.meta.Length / uint64(d.row)) {
		if meta.Primary[i] != d.meta.Primary[i] {
			changed = true
			if blob == io.ReaderAt(d) {
				d.reject(SliverRef{Primary, i}, ErrRoot)
			}
		}
	}
	if changed {
		return ErrChanged
	}
	p := plan{axis: Primary}
	for i := range d.P {
		p.chosen = append(p.chosen, i)
	}
	return d.accuse(p)
}

// accuseZeros is for metadata of which rows past the blob's end are not zero. The error is
// an *InconsistentError if there are slivers enough to show it.
func (d *streamDecoding) accuseZeros() error {
	d.noZeros = true
	for axis := range Axis(2) {
		if err := d.verify(axis); err != nil {
			return err
		}
	}
	p, err := d.plan()
	if err != nil {
		return err
	}
	return d.accuse(p)
}

// accuse returns the error for a blob that failed a check although all slivers of the plan
// are right.
func (d *streamDecoding) accuse(p plan) error {
	matrix := &spool{dir: d.opts.spool, limit: d.opts.memory / 8}
	defer matrix.close()
	window := int(max(1, d.opts.memory/4/int64(d.row)))
	for at := 0; at < d.P; at += window {
		end := min(at+window, d.P)
		d.rows = resizeLarge(d.rows, (end-at)*d.row)
		if !d.solveRows(d.rows, p, at, end) {
			return ErrChanged
		}
		if _, err := matrix.WriteAt(d.rows, int64(at)*int64(d.row)); err != nil {
			return err
		}
	}
	meta, err := d.c.EncodeTo(d.ctx, Discard, matrix, int64(d.P)*int64(d.row), MaxMemory(d.opts.memory))
	if err != nil {
		return err
	}
	return inconsistent(d.blob, p, meta, matrix, func(ref SliverRef) ([]byte, error) {
		data := make([]byte, d.sliver(ref.Axis))
		return data, d.src.ReadSliverAt(ref, data, 0)
	})
}
