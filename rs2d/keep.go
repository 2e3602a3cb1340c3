package rs2d

import "github.com/redstuff-go/redstuff/internal/ntstore"

// What an Encoding keeps is several times what caches hold, and so is a blob. So the
// source symbols of a unit are gathered in the worker's memory, where they are extended
// and hashed, and whole runs of them go out past the caches.

// gather brings the bytes a to b of the source symbols of n columns from c on.
func (e *Encoder) gather(t *tiler, source *cells, c, n, a, b int) {
	for i := range n {
		to := ntstore.Rows{Base: t.unit[i*source.step:][:source.step], Stride: source.stride}
		live := e.wholes
		if live > 0 {
			e.copier.Gather(to, ntstore.Rows{Base: e.whole[c+i][a:], Stride: e.row}, b-a, live)
		}
		if live < e.c.params.P && len(e.last) > 0 {
			copy(to.Base[live*to.Stride:][:b-a], e.last[c+i][a:])
			live++
		}
		clear(to.Base[live*to.Stride:])
	}
}

// keep has the bytes a to b of a unit of n columns from c on stored, where they are
// kept and not in place already: in the columns of the blob, of a tile that begins at from.
func (e *Encoder) keep(t *tiler, source, parity *cells, from, c, n, a, b int) {
	p := e.c.params
	switch {
	case e.stream != nil:
		e.write(t, c, n)
		return
	case e.encoding == nil || c >= p.S:
		return // rows of the blob and columns of parity are in place
	}
	width := b - a
	secondary := ntstore.Rows{Base: e.encoding.secondary[c*e.column+a:], Stride: e.size}
	if from := (ntstore.Rows{Base: t.unit, Stride: source.stride}); width < e.size {
		e.copier.Store(secondary, from, width, p.P)
	} else {
		e.copier.Store(secondary, from, n*e.column, 1)
	}
	// Parts of the rows of a tile follow one another: what does not fill a line goes
	// out with the next, unless parts have less than a line.
	short := e.unitColumns()*e.size < ntstore.Line
	first, last := c == from && a == 0 || short, c+n == min(from+tileColumns, p.S) && b == e.size || short
	t.carry = resize(t.carry, (p.N-p.P)*ntstore.Line)
	e.copier.StorePart(ntstore.Rows{Base: e.encoding.primary[p.P*e.row+c*e.size+a:], Stride: e.row},
		ntstore.Rows{Base: parity.base, Stride: parity.stride}, n*width, p.N-p.P, t.carry, first, last)
}
