package rs2d

// matrix is the message matrix of a blob in memory. Nothing of the blob is copied but the
// row that it ends in: the rows before it are whole and evenly spaced, and those after it
// are zero.
type matrix struct {
	layout
	whole int      // how many rows are whole
	heads [][]byte // symbol j of row 0 and all that follows, for the rows that are whole

	tail      []byte   // the row that the blob ends in, if it does so within
	tailHeads [][]byte // the same of it: empty if there is none
}

// reset begins with a matrix of that layout, of which no rows are known yet.
func (m *matrix) reset(l layout) {
	m.layout = l
	m.heads, m.tailHeads = resize(m.heads, l.S), m.tailHeads[:0]
}

// set takes the rows of a blob.
func (m *matrix) set(blob []byte) {
	m.whole = len(blob) / m.row
	for j := range m.heads {
		m.heads[j] = tailOf(blob, j*m.size)
	}
	if rest := blob[m.whole*m.row:]; len(rest) > 0 {
		m.tail = resize(m.tail, m.row)
		clear(m.tail[copy(m.tail, rest):])
		for j := range m.S {
			m.tailHeads = append(m.tailHeads, m.tail[j*m.size:])
		}
	}
}

// live returns how many rows have bytes of the blob.
func (m *matrix) live() int { return m.whole + min(len(m.tailHeads), 1) }

// forget drops the references to the caller's memory.
func (m *matrix) forget() { clear(m.heads) }

// parityColumns are the source symbols of some columns of parity: what the rows are
// extended to, and what these columns are extended from.
type parityColumns struct {
	layout // of what there is of the symbols
	columnRange
	slab   byteRange // of every symbol
	bytes  []byte    // column by column
	shards [][]byte  // the columns S, S+1, … that are in the range, nil for the others
	heads  [][]byte  // symbol i of the first column in it, and all that follows
}

// set says which columns there are, which bytes of their symbols, and where they go.
func (p *parityColumns) set(l layout, columns columnRange, slab byteRange, buf []byte) {
	l.size, l.column = slab.len(), slab.len()*l.P
	p.layout, p.columnRange, p.slab, p.bytes = l, columns, slab, buf
	p.heads = resize(p.heads, l.P)
	for i := range p.heads {
		p.heads[i] = tailOf(buf, i*l.size)
	}
	p.shards = resize(p.shards, l.N-l.S)
	for j := range p.shards {
		p.shards[j] = nil
		if c := l.S + j; columns.has(c) {
			p.shards[j] = buf[(c-columns.from)*l.column:][:l.column]
		}
	}
}

// clearFrom zeroes the columns from a row on.
func (p *parityColumns) clearFrom(row int) {
	for _, shard := range p.shards {
		if shard != nil {
			clear(shard[row*p.size:])
		}
	}
}

// cells returns where the columns from c on are.
func (p *parityColumns) cells(c int) cells {
	off := (c - p.from) * p.column
	return cells{shards: p.heads, off: off, from: p.slab.from, step: p.column, base: p.bytes[off:], stride: p.size, even: p.P}
}

// forget drops the references to the caller's memory.
func (p *parityColumns) forget() {
	p.bytes = nil
	clear(p.shards)
	clear(p.heads)
}

// tailOf returns b from off on, nothing if b ends before.
func tailOf(b []byte, off int) []byte { return b[min(off, len(b)):] }
