package rs2d

import "github.com/redstuff-go/redstuff/commit"

// A range of a blob is read from the rows that it lies in, and nothing is decoded:
// the bytes of a row follow one another in a primary sliver. Source columns hold the
// same symbols, but a range of more than a row takes all S of them. Where one of the
// rows is lost, recover it from symbols (see Recover), not the blob.

// RangeSlivers returns the primary slivers that hold n bytes of the blob from off on:
// none if n is zero. The error is a *RangeError if they are not all within the blob,
// or one of those of [commit.Metadata.Validate].
func RangeSlivers(meta *commit.Metadata, off, n uint64) ([]SliverRef, error) {
	l, err := layoutOf(meta)
	if err != nil {
		return nil, err
	}
	from, to, err := l.rangeRows(meta.Length, off, n)
	if err != nil {
		return nil, err
	}
	refs := make([]SliverRef, 0, to-from)
	for i := from; i < to; i++ {
		refs = append(refs, SliverRef{Primary, i})
	}
	return refs, nil
}

// rangeRows returns the rows, from the first to the one after the last, that hold a
// range of a blob of that length.
func (l *layout) rangeRows(length, off, n uint64) (from, to int, err error) {
	if off > length || n > length-off {
		return 0, 0, &RangeError{Off: off, Len: n, Blob: length}
	}
	if n == 0 {
		return 0, 0, nil
	}
	row := uint64(l.row)
	return int(off / row), int((off+n-1)/row) + 1, nil
}

// readRange returns a range of a blob from its slivers, which it verifies.
func readRange(b *blob, slivers []Sliver, off, n uint64) ([]byte, error) {
	from, to, err := b.rangeRows(b.meta.Length, off, n)
	if err != nil {
		return nil, err
	}
	var needed []Sliver
	for _, s := range slivers {
		if s.Axis == Primary && s.Index >= from && s.Index < to {
			needed = append(needed, s)
		}
	}
	rows := make([][]byte, to-from)
	missing := &MissingError{}
	for i, err := range b.verifySlivers(needed) {
		if err != nil {
			missing.Rejected = append(missing.Rejected, err)
		} else {
			rows[needed[i].Index-from] = needed[i].Data
		}
	}
	for i, data := range rows {
		if data == nil {
			missing.Missing = append(missing.Missing, SliverRef{Primary, from + i})
		}
	}
	if len(missing.Missing) > 0 {
		return nil, missing
	}

	out := make([]byte, 0, n)
	row := uint64(b.row)
	for _, data := range rows {
		start := (off + uint64(len(out))) % row
		out = append(out, data[start:min(row, start+n-uint64(len(out)))]...)
	}
	return out, nil
}
