package rs2d

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 16).Draw(t, "n")
		length := rapid.IntRange(0, 3000).Draw(t, "length")
		off := rapid.IntRange(0, length).Draw(t, "off")
		count := rapid.IntRange(0, length-off).Draw(t, "count")
		c, err := New(n)
		if err != nil {
			t.Fatal(err)
		}
		blob := pattern(length, n)
		e, err := c.Encode(blob)
		if err != nil {
			t.Fatal(err)
		}
		refs, err := RangeSlivers(e.Metadata(), uint64(off), uint64(count))
		if err != nil {
			t.Fatal(err)
		}
		if count > 0 && (refs[0].Index != off/e.row || refs[len(refs)-1].Index != (off+count-1)/e.row) || count == 0 && len(refs) > 0 {
			t.Fatalf("slivers %v for rows of %d bytes", refs, e.row)
		}
		var slivers []Sliver
		for _, ref := range rapid.Permutation(refs).Draw(t, "order") {
			slivers = append(slivers, e.Sliver(ref))
		}
		slivers = append(slivers, e.Secondary(0), e.Primary(n-1))
		got, err := c.ReadRange(e.Metadata(), slivers, uint64(off), uint64(count))
		if err != nil || !bytes.Equal(got, blob[off:off+count]) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		if count == 0 {
			return
		}

		victim := rapid.IntRange(0, len(refs)-1).Draw(t, "victim")
		ref := slivers[victim].SliverRef
		slivers[victim].Data = bytes.Clone(slivers[victim].Data)
		slivers[victim].Data[0] ^= 1
		var missing *MissingError
		_, err = c.ReadRange(e.Metadata(), slivers, uint64(off), uint64(count))
		if !errors.As(err, &missing) || !slices.Equal(missing.Missing, []SliverRef{ref}) || !errors.Is(err, ErrRoot) {
			t.Fatalf("a wrong sliver: %v", err)
		}
		_, err = c.ReadRange(e.Metadata(), slices.Delete(slices.Clone(slivers), victim, victim+1), uint64(off), uint64(count))
		if !errors.As(err, &missing) || !slices.Equal(missing.Missing, []SliverRef{ref}) || len(missing.Rejected) > 0 {
			t.Fatalf("a missing sliver: %v", err)
		}
		slivers = append(slivers, e.Sliver(ref))
		if got, err := c.ReadRange(e.Metadata(), slivers, uint64(off), uint64(count)); err != nil || !bytes.Equal(got, blob[off:off+count]) {
			t.Fatalf("a right one behind a wrong one: %v", err)
		}
	})
}

func TestRangeOutside(t *testing.T) {
	c := newCode(t, 7)
	e, err := c.Encode(pattern(100, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range [][2]uint64{{101, 0}, {100, 1}, {0, 101}, {50, 51}, {1, math.MaxUint64}, {math.MaxUint64, 1}} {
		var outside *RangeError
		if _, err := RangeSlivers(e.Metadata(), r[0], r[1]); !errors.As(err, &outside) || *outside != (RangeError{r[0], r[1], 100}) {
			t.Errorf("RangeSlivers%v: %v", r, err)
		}
		if _, err := c.ReadRange(e.Metadata(), nil, r[0], r[1]); !errors.As(err, &outside) {
			t.Errorf("ReadRange%v: %v", r, err)
		}
	}
}
