package rs2d

import (
	"bytes"
	"math/bits"
	"slices"

	"github.com/redstuff-go/redstuff/internal/alias"
)

// DecodeOption changes how [Code.Decode] works.
type DecodeOption interface{ applyDecode(d *decoding) }

// decoding is one call of Decode.
type decoding struct {
	*blob
	given []Sliver
	dst   []byte // memory for the blob

	live     int         // rows that hold bytes of the blob; the others up to P are zero
	use      [2][][]byte // per axis and index, the sliver in use or nil
	zeros    []byte      // a row
	verified bool        // all slivers in use have the metadata's root
	rejected []error
}

// run decodes the blob.
func (d *decoding) run(check Check) ([]byte, error) {
	d.live = d.layout.live(d.meta.Length)
	if n := d.live * d.row; cap(d.dst) >= n {
		for _, s := range d.given {
			if alias.Overlap(d.dst[:n], s.Data) {
				return nil, &SliverError{s.SliverRef, ErrOverlap}
			}
		}
	}
	d.collect()
	for {
		p, err := d.plan()
		if err != nil {
			return nil, err
		}
		rows := d.rows(d.dst, p, d.live)
		if check != CheckNone {
			clear(rows[d.meta.Length:])
		}
		if d.rowsPass(rows, check) {
			return rows[:d.meta.Length], nil
		}
		if d.verified {
			return nil, d.inconsistent(p)
		}
		d.verify()
	}
}

// inconsistent returns the error for a blob that failed the check although the slivers of
// the plan are right.
func (d *decoding) inconsistent(p plan) error {
	matrix := d.rows(nil, p, d.P)
	meta, err := commitRows(d.c, matrix)
	if err != nil {
		return err
	}
	return inconsistent(d.blob, p, meta, bytes.NewReader(matrix), func(ref SliverRef) ([]byte, error) {
		return d.use[ref.Axis][ref.Index], nil
	})
}

// collect takes each sliver that is formed right, the first of each name, and the
// rows that are zero.
func (d *decoding) collect() {
	d.use[Primary], d.use[Secondary] = make([][]byte, d.N), make([][]byte, d.N)
	formed := false
	for _, s := range d.given {
		if err := d.checkSliver(s); err != nil {
			d.rejected = append(d.rejected, err)
			continue
		}
		formed = true
		if d.use[s.Axis][s.Index] == nil {
			d.use[s.Axis][s.Index] = s.Data
		}
	}
	// Without a sliver of this size, the metadata alone would say how much to
	// allocate. An empty blob has the least size.
	if formed || d.live == 0 {
		d.zeros = make([]byte, d.row)
		for i := d.live; i < d.P; i++ {
			d.use[Primary][i] = d.zeros
		}
	}
}

// verify verifies all slivers and leaves the right ones in use.
func (d *decoding) verify() {
	d.verified, d.rejected = true, nil
	clear(d.use[Primary])
	clear(d.use[Secondary])
	for i, err := range d.verifySlivers(d.given) {
		s := d.given[i]
		if err != nil {
			d.rejected = append(d.rejected, err)
		} else if d.use[s.Axis][s.Index] == nil {
			d.use[s.Axis][s.Index] = s.Data
		}
	}
	if d.live < d.P {
		zero := d.zeroRoot()
		for i := d.live; i < d.P; i++ {
			if d.meta.Primary[i] == zero {
				d.use[Primary][i] = d.zeros
			}
		}
	}
}

// plan chooses slivers to decode from.
func (d *decoding) plan() (plan, error) {
	primary, secondary := d.pick(Primary), d.pick(Secondary)
	if primary == nil && secondary == nil && d.completeBoundary() {
		primary = d.pick(Primary)
	}
	switch {
	case primary == nil && secondary == nil:
		return plan{}, &NotEnoughError{
			HavePrimary: count(d.use[Primary]), NeedPrimary: d.P,
			HaveSecondary: count(d.use[Secondary]), NeedSecondary: d.S,
			Rejected: d.rejected,
		}
	case secondary == nil || primary != nil && d.cost(Primary, primary) <= d.cost(Secondary, secondary):
		return plan{Primary, primary}, nil
	}
	return plan{Secondary, secondary}, nil
}

// pick returns the indices of as many slivers of the axis as determine the blob,
// those that hold parts of it first. It returns nil if there are fewer.
func (d *decoding) pick(axis Axis) []int {
	k := sourceSymbols(d.Params, axis.Other())
	chosen := make([]int, 0, k)
	for i, data := range d.use[axis] {
		if data != nil && len(chosen) < k {
			chosen = append(chosen, i)
		}
	}
	if len(chosen) < k {
		return nil
	}
	return chosen
}

// count returns how many slivers there are.
func count(slivers [][]byte) (n int) {
	for _, data := range slivers {
		if data != nil {
			n++
		}
	}
	return n
}

// cost estimates what decoding from these slivers takes: for each byte of a sliver,
// a sum over k slivers for each one that is lost, or the transforms.
func (d *decoding) cost(axis Axis, chosen []int) int {
	k, length, wanted := d.P, d.row, d.live
	if axis == Secondary {
		k, length, wanted = d.S, d.live*d.size, d.S
	}
	there, _ := slices.BinarySearch(chosen, wanted)
	log := bits.Len(uint(min(k, d.N-k) - 1))
	return length * min((wanted-there)*k, 3*log<<log)
}

// rows decodes the first rows of the message matrix, one after another, into dst's
// memory if it suffices.
func (d *decoding) rows(dst []byte, p plan, rows int) []byte {
	out := resizeLarge(dst, rows*d.row)
	symbols := d.S
	if p.axis == Secondary {
		symbols = rows
	}
	newSolver(d.blob, p, 0, rows).solve(out, d.use[p.axis], 0, symbols)
	return out
}
