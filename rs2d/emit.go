package rs2d

import "github.com/redstuff-go/redstuff/internal/ntstore"

// emitter is where the source symbols of a blob come from, and where what is stored of
// the expanded matrix goes. There are three: memoryEmitter for [Encoder.Commit], which
// stores nothing; storeEmitter for [Encoder.Encode]; and streamEmitter for
// [Encoder.EncodeTo].
type emitter interface {
	// rows returns count rows of the blob: the heads of their symbols, with what the slab
	// has of the first row's at the offset, and of the next one's step bytes on. It returns
	// nil after an error.
	rows(t *tiler, first, count int) (heads [][]byte, offset, step int)
	// emitRows emits rows that rows returned. They follow one another in source.
	emitRows(first, count int, source []byte)

	// inPieces reports whether symbols that are too long for caches may be taken in
	// pieces.
	inPieces() bool
	// columns says where the source symbols of a unit's columns, all of them the
	// blob's, are or will be gathered, width bytes of each at a time.
	columns(t *tiler, u *unit, width int) cells
	// gather brings the unit's bytes of these symbols to where columns said.
	gather(t *tiler, u *unit)
	// emit emits what is stored of a unit, once it is extended.
	emit(t *tiler, u *unit)

	// failed reports whether the work is pointless.
	failed() bool
	// done is told that all columns of the slab in work are extended.
	done()
}

// memoryEmitter is for a blob in memory of which no slivers are stored. The blob may be
// much larger than caches. So the source symbols of a unit are gathered in the worker's
// memory, where they are extended and hashed.
type memoryEmitter struct {
	m      *matrix
	copier ntstore.Copier
}

func (e *memoryEmitter) rows(t *tiler, first, _ int) (heads [][]byte, offset, step int) {
	from := t.e.slab.from
	if first == e.m.whole {
		return e.m.tailHeads, from, 0
	}
	return e.m.heads, first*e.m.row + from, e.m.row
}

func (e *memoryEmitter) emitRows(int, int, []byte) {}

func (e *memoryEmitter) inPieces() bool { return true }

// columns has symbols row by row, as the blob does.
func (e *memoryEmitter) columns(t *tiler, u *unit, width int) cells {
	p, stride := e.m.P, u.count*width
	for i := range p {
		t.shards[i] = t.cells[i*stride:]
	}
	return cells{shards: t.shards[:p], step: width, base: t.cells, stride: stride, even: e.m.live(), buffered: true}
}

func (e *memoryEmitter) gather(t *tiler, u *unit) {
	m := e.m
	to, first, size := ntstore.Rows{Base: u.source.base, Stride: u.source.stride}, u.first, u.count*u.bytes()
	live := m.whole
	if live > 0 {
		e.copier.Gather(to, ntstore.Rows{Base: m.heads[first][u.a:], Stride: m.row}, size, live)
	}
	if live < m.P && len(m.tailHeads) > 0 {
		copy(to.Base[live*to.Stride:][:size], m.tailHeads[first][u.a:])
		live++
	}
	clear(to.Base[live*to.Stride:][:(m.P-live)*to.Stride])
}

func (e *memoryEmitter) emit(*tiler, *unit) {}

func (e *memoryEmitter) failed() bool { return false }

func (e *memoryEmitter) done() {}

// storeEmitter is for a blob in memory whose slivers make an Encoding, with the parity
// columns in their place in it. What it holds is several times what caches hold: whole
// runs of symbols go out past the caches.
type storeEmitter struct {
	memoryEmitter
	encoding *Encoding
}

func (e *storeEmitter) emitRows(first, count int, source []byte) {
	row := e.m.row
	e.copier.Store(ntstore.Rows{Base: e.encoding.primary[first*row:]}, ntstore.Rows{Base: source}, count*row, 1)
}

// columns has symbols column by column, as secondary slivers do.
func (e *storeEmitter) columns(t *tiler, _ *unit, width int) cells {
	p := e.m.P
	for i := range p {
		t.shards[i] = t.cells[i*width:]
	}
	return cells{shards: t.shards[:p], step: p * width, base: t.cells, stride: width, even: e.m.live(), buffered: true}
}

func (e *storeEmitter) gather(t *tiler, u *unit) {
	m := e.m
	for i := range u.count {
		to := ntstore.Rows{Base: t.cells[i*u.source.step:][:u.source.step], Stride: u.source.stride}
		live := m.whole
		if live > 0 {
			e.copier.Gather(to, ntstore.Rows{Base: m.heads[u.first+i][u.a:], Stride: m.row}, u.bytes(), live)
		}
		if live < m.P && len(m.tailHeads) > 0 {
			copy(to.Base[live*to.Stride:][:u.bytes()], m.tailHeads[u.first+i][u.a:])
			live++
		}
		clear(to.Base[live*to.Stride:])
	}
}

// emit stores columns of the blob, and their parts of the rows of parity. Rows of the blob
// and columns of parity are in place already.
func (e *storeEmitter) emit(t *tiler, u *unit) {
	l := &e.m.layout
	if u.first >= l.S {
		return
	}
	width := u.bytes()
	secondary := ntstore.Rows{Base: e.encoding.secondary[u.first*l.column+u.a:], Stride: l.size}
	if from := (ntstore.Rows{Base: t.cells, Stride: u.source.stride}); width < l.size {
		e.copier.Store(secondary, from, width, l.P)
	} else {
		e.copier.Store(secondary, from, u.count*l.column, 1)
	}
	// Parts of the rows of a tile follow one another: what does not fill a line goes
	// out with the next, unless parts have less than a line.
	short := t.unitColumns()*l.size < ntstore.Line
	first := u.first == u.tile.from && u.a == 0 || short
	last := u.first+u.count == min(u.tile.from+tileColumns, l.S) && u.b == l.size || short
	t.carry = resize(t.carry, (l.N-l.P)*ntstore.Line)
	e.copier.StorePart(ntstore.Rows{Base: e.encoding.primary[l.P*l.row+u.first*l.size+u.a:], Stride: l.row},
		ntstore.Rows{Base: u.parity.base, Stride: u.parity.stride}, u.count*width, l.N-l.P, t.carry, first, last)
}
