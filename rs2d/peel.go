package rs2d

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

// completeBoundary decodes the row that the blob ends in from the columns and its
// zero tail, if these suffice and it is the only row missing. It reports whether it
// did. Where slivers are verified, so is the row.
func (d *decoding) completeBoundary() bool {
	last := d.live - 1
	if last < 0 || d.use[Primary][last] != nil {
		return false
	}
	if count(d.use[Primary]) < d.P-1 {
		return false
	}

	tail := (int(d.meta.Length-uint64(last*d.row)) + d.size - 1) / d.size
	symbols := make([][]byte, d.N)
	known := 0
	for j := range symbols {
		if known == d.S {
			break
		}
		if column := d.use[Secondary][j]; column != nil {
			symbols[j] = column[last*d.size:][:d.size]
		} else if j >= tail && j < d.S {
			symbols[j] = d.zeros[:d.size]
		} else {
			continue
		}
		known++
	}
	if known < d.S {
		return false
	}
	data, root := d.c.along[Primary].solve(nil, d.size, symbols, nil)
	if d.verified && root != d.meta.Primary[last] {
		return false
	}
	d.use[Primary][last] = data
	return true
}
