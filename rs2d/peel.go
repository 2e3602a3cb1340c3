package rs2d

import "github.com/redstuff-go/redstuff/commit"

// What the blob's length tells, and how far that goes.
//
// Fewer than P rows and fewer than S columns do not determine a matrix. With a rows
// and b columns of the expanded matrix known, whichever they are, (P-a)·(S-b) of the
// P·S source symbols remain free: rows fix all columns up to P-a free symbols in
// each, and b columns take away b of the S places to choose. So slivers of both axes
// together give nothing that one axis does not, were it not for the zeros that the
// matrix ends with:
//
//   - Rows past the blob's end are zero. They are primary slivers that nobody needs
//     to store, and count as such everywhere.
//   - The row that the blob ends in has a tail of zero symbols, t of them in columns
//     that are not among the b. Each takes at most one freedom away. There are at
//     most S-b such columns, so (P-a)·(S-b) - t can be zero only if a = P-1 and all
//     columns not known are in the tail.
//
// In that case the row has a symbol known in each of b columns and t others, S
// places of a codeword: decoding it completes it, and with it the P-th row. One such
// step is therefore all that peeling rows and columns in turn could ever do.

// solveBoundary decodes the row that the blob ends in, and computes its root, from the
// symbols that columns have there, nil for those that are not at hand, and its zero tail,
// if these suffice.
func (b *blob) solveBoundary(last int, column func(j int) []byte) (row []byte, root commit.Hash, ok bool) {
	tail := (int(b.meta.Length-uint64(last)*uint64(b.row)) + b.size - 1) / b.size
	zeros := make([]byte, b.size)
	symbols := make([][]byte, b.N)
	known := 0
	for j := range symbols {
		if known == b.S {
			break
		}
		if symbols[j] = column(j); symbols[j] == nil && j >= tail && j < b.S {
			symbols[j] = zeros
		}
		if symbols[j] != nil {
			known++
		}
	}
	if known < b.S {
		return nil, root, false
	}
	row, root = b.c.along[Primary].solve(nil, b.size, symbols, nil)
	return row, root, true
}

// completeBoundary decodes that row if it is the only one missing. It reports whether it
// did. Where slivers are verified, so is the row.
func (d *decoding) completeBoundary() bool {
	last := d.live - 1
	if last < 0 || d.use[Primary][last] != nil || count(d.use[Primary]) < d.P-1 {
		return false
	}
	row, root, ok := d.solveBoundary(last, func(j int) []byte {
		column := d.use[Secondary][j]
		if column == nil {
			return nil
		}
		return column[last*d.size:][:d.size]
	})
	if !ok || d.verified && root != d.meta.Primary[last] {
		return false
	}
	d.use[Primary][last] = row
	return true
}
