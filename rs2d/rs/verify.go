package rs

import "bytes"

// verify reports whether the parity symbols are those of the data symbols.
func (w *Workspace) verify(parity, data *Symbols) bool {
	e, c, half := w.c.engine, w.c.code.c, data.half()
	if !w.c.low {
		acc := w.sumBlocks(data, nil, half)
		e.FFT(acc, acc, half, c, 0, w.c.m)
		return w.sameRows(parity.Shards, parity, acc, half)
	}
	coeffs := w.region(0, half)
	w.interpolate(coeffs, coeffs, data.Shards, data, half, 0)
	for first := 0; first < w.c.m; first += c {
		n := min(c, w.c.m-first)
		values := w.region(1, half)
		e.FFT(values, coeffs, half, c, c+first, n)
		if !w.sameRows(parity.Shards[first:first+n], parity, values, half) {
			return false
		}
	}
	return true
}

// sameRows reports whether the rows hold the words of the shards.
func (w *Workspace) sameRows(shards [][]byte, s *Symbols, rows []byte, half int) bool {
	got := w.region(3, half)
	w.pack(got, shards, s, half)
	n := s.Size * s.Count / 2
	for i := range shards {
		a, b := got[2*half*i:][:2*half], rows[2*half*i:][:2*half]
		if !bytes.Equal(a[:n], b[:n]) || !bytes.Equal(a[half:half+n], b[half:half+n]) {
			return false
		}
	}
	return true
}
