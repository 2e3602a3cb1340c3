package rs2d

import (
	"bytes"
	"math/rand/v2"
)

// witness tells whether a source that is read twice was the same both times. The columns
// of the blob are extended from one reading of it, the columns of parity from the rows of
// another: as long as both are the same, every row of the expanded matrix is a codeword,
// those of parity too. Some rows of parity, chosen at random, are kept and extended again.
//
// A difference in a single row of the blob shows for certain, since it shows in every row of
// parity. One in t rows of the blob shows in all but t-1 rows of parity at least: there the
// words at one place in a column of these t rows cancel out, which by chance they do with a
// probability of 2⁻¹⁶. Readings that differ and yet have the same columns of parity do no
// harm: these are right for the second as well.
type witness struct {
	rows  []int  // counted from the first one of parity
	bytes []byte // row by row, what the slab in work has of their n symbols
}

// witnessRows is how many rows are kept, if there are as many.
const witnessRows = 2

// begin chooses rows, to be kept width bytes of each symbol at a time at most.
func (w *witness) begin(l *layout, width int) {
	w.rows = rand.Perm(l.N - l.P)[:min(witnessRows, l.N-l.P)]
	w.bytes = resize(w.bytes, len(w.rows)*l.N*width)
}

// keep keeps what a unit that is extended has of the rows.
func (w *witness) keep(u *unit, l *layout, slab byteRange) {
	width := slab.len()
	for k, row := range w.rows {
		from := u.parity.shards[row][u.parity.at(u.a):]
		to := w.bytes[(k*l.N+u.first)*width+u.a-slab.from:]
		for c := range u.count {
			copy(to[c*width:], from[c*u.parity.step:][:u.bytes()])
		}
	}
}

// agrees extends the rows again, all columns of which are kept, and reports whether they are
// codewords.
func (w *witness) agrees(t *tiler) bool {
	l, width, count := &t.e.matrix.layout, t.e.slab.len(), len(w.rows)
	row := l.N * width
	parity := resize(t.read, (l.N-l.S)*count*width)
	t.read, t.shards, t.heads = parity, resize(t.shards, l.N-l.S), resize(t.heads, l.S)
	for j := range t.heads {
		t.heads[j] = w.bytes[j*width : count*row]
	}
	for j := range t.shards {
		t.shards[j] = parity[j*count*width:][:count*width]
	}
	for s := range strips(width, count, t.e.c.along[Primary].codec.StripSize()) {
		t.rows.Encode(s.of(t.shards, 0, width), s.of(t.heads, 0, row))
	}
	for j, again := range t.shards {
		for k := range count {
			if !bytes.Equal(again[k*width:][:width], w.bytes[k*row+(l.S+j)*width:][:width]) {
				return false
			}
		}
	}
	return true
}
