package rs2d

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
)

var checks = map[Check]string{CheckStrict: "strict", CheckSystematic: "systematic", CheckNone: "none"}

// TestDecode decodes from every kind of choice, with every check.
func TestDecode(t *testing.T) {
	eachShape(t, func(t *testing.T, c *Code, blob []byte) {
		e, err := c.Encode(blob)
		if err != nil {
			t.Fatal(err)
		}
		p := c.params
		refs := func(axis Axis, from, to int) (list []Sliver) {
			for i := from; i < to; i++ {
				list = append(list, e.Sliver(SliverRef{axis, i}))
			}
			return list
		}
		choices := map[string][]Sliver{
			"first primary":    refs(Primary, 0, p.P),
			"last primary":     refs(Primary, p.N-p.P, p.N),
			"middle primary":   refs(Primary, p.F/2, p.F/2+p.P),
			"first secondary":  refs(Secondary, 0, p.S),
			"last secondary":   refs(Secondary, p.N-p.S, p.N),
			"middle secondary": refs(Secondary, 1, p.S+1),
			"both":             append(refs(Primary, 0, p.P), refs(Secondary, 0, p.S)...),
			"all":              append(refs(Secondary, 0, p.N), refs(Primary, 0, p.N)...),
			"cheaper secondary": append(refs(Primary, p.N-p.P, p.N),
				refs(Secondary, 0, p.S)...),
			"some without need": append(refs(Primary, 0, 1), refs(Secondary, 1, p.S+1)...),
		}
		dst := bytes.Repeat([]byte{0xA5}, p.P*p.S*e.SymbolSize())
		for name, slivers := range choices {
			for check := range checks {
				if got, err := c.Decode(e.Metadata(), slivers, check); err != nil || !bytes.Equal(got, blob) {
					t.Errorf("%s, %s: wrong blob, %v", name, checks[check], err)
				}
				got, err := c.Decode(e.Metadata(), slivers, check, InMemory(dst))
				if err != nil || !bytes.Equal(got, blob) {
					t.Errorf("%s, %s: wrong blob in memory used before, %v", name, checks[check], err)
				}
				if unsafe.SliceData(got) != unsafe.SliceData(dst) || cap(got) != cap(dst) {
					t.Errorf("%s, %s: not in the memory that suffices", name, checks[check])
				}
			}
		}
	})
}

// TestDecodeAnyLoss removes and corrupts any slivers. As long as enough right ones
// are left the blob comes back, otherwise a typed error.
func TestDecodeAnyLoss(t *testing.T) {
	type encoded struct {
		code *Code
		enc  *Encoding
		blob []byte
	}
	cache := map[[2]int]encoded{}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 40).Draw(t, "n")
		length := rapid.SampledFrom([]int{0, 1, 2, 100, 1000, 5000, 20000}).Draw(t, "length")
		x, ok := cache[[2]int{n, length}]
		if !ok {
			var err error
			x.blob = pattern(length, n)
			if x.code, err = New(n); err != nil {
				t.Fatal(err)
			}
			if x.enc, err = x.code.Encode(x.blob); err != nil {
				t.Fatal(err)
			}
			cache[[2]int{n, length}] = x
		}
		p := x.code.params

		// By pairs, as shards fail, or sliver by sliver.
		var slivers []Sliver
		wrong := map[int]bool{}
		corrupt := func(s Sliver) Sliver {
			s.Data = bytes.Clone(s.Data)
			s.Data[rapid.IntRange(0, len(s.Data)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
			return s
		}
		order := rapid.Permutation(indices(n)).Draw(t, "order")
		gone := rapid.IntRange(0, n).Draw(t, "gone")
		bad := rapid.IntRange(0, n-gone).Draw(t, "bad")
		if rapid.Bool().Draw(t, "few faults") {
			gone = rapid.IntRange(0, p.F).Draw(t, "gone")
			bad = p.F - gone
		}
		axes := rapid.SampledFrom([][]Axis{{Primary, Secondary}, {Secondary, Primary}, {Primary}, {Secondary}}).Draw(t, "axes")
		rightRows, rightColumns := map[int]bool{}, map[int]bool{}
		for at, pair := range order[gone:] {
			first, second := PairSlivers(pair, n)
			for _, axis := range axes {
				ref := first
				if axis == Secondary {
					ref = second
				}
				s := x.enc.Sliver(ref)
				if at < bad {
					s = corrupt(s)
					wrong[len(slivers)] = true
				} else if axis == Primary {
					rightRows[ref.Index] = true
				} else {
					rightColumns[ref.Index] = true
				}
				slivers = append(slivers, s)
				if rapid.IntRange(0, 9).Draw(t, "twice") == 0 {
					// A right one after a wrong one, or the other way round.
					s = x.enc.Sliver(ref)
					if axis == Primary {
						rightRows[ref.Index] = true
					} else {
						rightColumns[ref.Index] = true
					}
					slivers = append(slivers, s)
				}
			}
		}
		for i := liveRows(x.code, length); i < p.P; i++ {
			rightRows[i] = true
		}
		enough := len(rightRows) >= p.P || len(rightColumns) >= p.S
		for _, check := range []Check{CheckStrict, CheckSystematic} {
			got, err := x.code.Decode(x.enc.Metadata(), slivers, check)
			var few *NotEnoughError
			switch {
			case err == nil && !bytes.Equal(got, x.blob):
				t.Fatalf("%s: wrong bytes", checks[check])
			case enough && err != nil:
				t.Fatalf("%s: %v, with enough slivers", checks[check], err)
			case err != nil && !errors.As(err, &few):
				t.Fatalf("%s: %v", checks[check], err)
			}
			if few != nil && len(few.Rejected) > 0 {
				for _, err := range few.Rejected {
					var e *SliverError
					if !errors.As(err, &e) || !errors.Is(err, ErrRoot) {
						t.Fatalf("rejected: %v", err)
					}
				}
				if len(few.Rejected) != len(wrong) {
					t.Fatalf("%d rejected, %d are wrong", len(few.Rejected), len(wrong))
				}
			}
		}
		if enough && len(wrong) == 0 {
			if got, err := x.code.Decode(x.enc.Metadata(), slivers, CheckNone); err != nil || !bytes.Equal(got, x.blob) {
				t.Fatalf("no check: wrong bytes, %v", err)
			}
		}
	})
}

func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// liveRows returns how many rows hold bytes of a blob.
func liveRows(c *Code, length int) int {
	size, _ := c.params.SymbolSize(uint64(length))
	row := c.params.S * size
	return (length + row - 1) / row
}

// TestDecodeSizes takes blobs around the lengths where symbols grow, and the largest.
func TestDecodeSizes(t *testing.T) {
	for _, n := range []int{4, 7, 10} {
		c := newCode(t, n)
		p := c.params
		cells := p.P * p.S
		lengths := []int{0, 1, 2, cells - 1, cells, cells + 1, 2*cells - 1, 2 * cells, 2*cells + 1, 64*cells - 1, 64 * cells, 64*cells + 1, 1024 * cells, 1024*cells + 1}
		if n < 10 {
			lengths = append(lengths, int(p.MaxBlob())-1, int(p.MaxBlob()))
		}
		for _, length := range lengths {
			t.Run(fmt.Sprintf("n=%d,len=%d", n, length), func(t *testing.T) {
				blob := pattern(length, n)
				e, err := c.Encode(blob)
				if err != nil {
					t.Fatal(err)
				}
				var primary, secondary []Sliver
				for i := p.F; i < p.F+p.P; i++ {
					primary = append(primary, e.Primary(i))
				}
				for j := p.F; j < n; j++ {
					secondary = append(secondary, e.Secondary(j))
				}
				for check := range checks {
					if got, err := c.Decode(e.Metadata(), primary, check); err != nil || !bytes.Equal(got, blob) {
						t.Errorf("primary, %s: %v", checks[check], err)
					}
					if got, err := c.Decode(e.Metadata(), secondary, check); err != nil || !bytes.Equal(got, blob) {
						t.Errorf("secondary, %s: %v", checks[check], err)
					}
				}
			})
		}
		var large *commit.TooLargeError
		if _, err := c.Encode(make([]byte, p.MaxBlob()+1)); !errors.As(err, &large) {
			t.Errorf("n=%d: a byte too many: %v", n, err)
		}
	}
}

// TestDecodeFromEnd uses what the blob's length tells: zero rows as slivers, and the
// zero tail of the last row.
func TestDecodeFromEnd(t *testing.T) {
	c := newCode(t, 10) // 4 rows, 7 columns
	tests := []struct {
		name               string
		length             int
		primary, secondary []int
		ok                 bool
	}{
		{"empty blob", 0, nil, nil, true},
		{"one row and zeros", 1, []int{9}, nil, true},
		{"two rows of parity and zeros", 20, []int{7, 4}, nil, true},
		{"too few", 20, []int{4}, []int{0, 1}, false},
		{"no slivers", 20, nil, nil, false},
		// 50 bytes: three full rows and four symbols of the last one.
		{"tail", 50, []int{0, 1, 2}, []int{0, 1, 2, 3}, true},
		{"tail, one symbol short", 50, []int{0, 1, 2}, []int{0, 1, 2}, false},
		{"tail, one row short", 50, []int{0, 1}, []int{0, 1, 2, 3, 4, 5}, false},
		{"tail, parity rows and columns", 50, []int{0, 7, 9}, []int{0, 1, 7, 9}, true},
		{"tail, columns in it", 50, []int{0, 5, 9}, []int{6, 5, 4, 8}, false},
		{"tail, some columns in it", 50, []int{0, 5, 9}, []int{6, 5, 8, 9, 2, 1}, true},
		{"tail, row known", 50, []int{0, 3, 2}, []int{0, 1, 2, 3, 4, 5}, false},
		{"symbol half in the tail", 49, []int{4, 5, 6}, []int{0, 1, 2, 9}, true},
		{"zero rows and tail", 34, []int{5, 6}, []int{7, 8, 9}, true},
		{"zero rows and too short a tail", 36, []int{5, 6}, []int{8, 9}, false},
	}
	for _, tt := range tests {
		for check := range checks {
			t.Run(tt.name+"/"+checks[check], func(t *testing.T) {
				blob := pattern(tt.length, 1)
				e, err := c.Encode(blob)
				if err != nil {
					t.Fatal(err)
				}
				var slivers []Sliver
				for _, i := range tt.primary {
					slivers = append(slivers, e.Primary(i))
				}
				for _, j := range tt.secondary {
					slivers = append(slivers, e.Secondary(j))
				}
				got, err := c.Decode(e.Metadata(), slivers, check)
				var few *NotEnoughError
				if tt.ok && (err != nil || !bytes.Equal(got, blob)) || !tt.ok && !errors.As(err, &few) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				if check == CheckNone || len(slivers) == 0 {
					return
				}
				// With one of them wrong there are too few, however it was used.
				for i := range slivers {
					bad := slices.Clone(slivers)
					bad[i].Data = bytes.Clone(bad[i].Data)
					bad[i].Data[0] ^= 1
					if got, err := c.Decode(e.Metadata(), bad, check); !errors.As(err, &few) && !bytes.Equal(got, blob) {
						t.Errorf("%v wrong: %d bytes, %v", bad[i].SliverRef, len(got), err)
					}
				}
			})
		}
	}
}

// TestDecodeRefuses feeds metadata and slivers that do not fit each other.
func TestDecodeRefuses(t *testing.T) {
	c := newCode(t, 7)
	blob := pattern(1000, 1)
	e, err := c.Encode(blob)
	if err != nil {
		t.Fatal(err)
	}
	var all []Sliver
	for i := range 7 {
		all = append(all, e.Primary(i), e.Secondary(i))
	}
	if _, err := c.Decode(e.Metadata(), all, CheckNone+1); !errors.Is(err, ErrCheck) {
		t.Errorf("unknown check: %v", err)
	}

	t.Run("huge length", func(t *testing.T) {
		// Nothing may be allocated by the claimed length.
		meta := *e.Metadata()
		meta.Length = c.params.MaxBlob()
		var few *NotEnoughError
		if _, err := c.Decode(&meta, all, CheckNone); !errors.As(err, &few) || len(few.Rejected) != len(all) || !errors.Is(err, ErrSize) {
			t.Errorf("%v", err)
		}
	})
	t.Run("malformed slivers are set aside", func(t *testing.T) {
		slivers := append([]Sliver{
			{SliverRef{Primary, -1}, all[0].Data}, {SliverRef{Secondary, 7}, all[1].Data},
			{SliverRef{2, 0}, all[0].Data}, {SliverRef{Primary, 0}, nil}, {SliverRef{Primary, 1}, all[1].Data},
		}, all...)
		for check := range checks {
			if got, err := c.Decode(e.Metadata(), slivers, check); err != nil || !bytes.Equal(got, blob) {
				t.Errorf("%s: %v", checks[check], err)
			}
		}
	})
	t.Run("nothing is written to slivers", func(t *testing.T) {
		before := sum(e.primary, e.secondary)
		for check := range checks {
			if _, err := c.Decode(e.Metadata(), all, check); err != nil {
				t.Error(err)
			}
		}
		if sum(e.primary, e.secondary) != before {
			t.Error("slivers changed")
		}
	})
}

// TestManyWorkers decodes and verifies what is large enough to be shared out.
func TestManyWorkers(t *testing.T) {
	c := newCode(t, 100, WithWorkers(4))
	blob := pattern(3<<20, 1)
	e, err := c.Encode(blob)
	if err != nil {
		t.Fatal(err)
	}
	p := c.params
	var slivers [2][]Sliver
	var all []Sliver
	for i := range p.N {
		all = append(all, e.Primary(i), e.Secondary(i))
		if i >= p.N-p.P {
			slivers[Primary] = append(slivers[Primary], e.Primary(i))
		}
		if i >= p.N-p.S {
			slivers[Secondary] = append(slivers[Secondary], e.Secondary(i))
		}
	}
	for axis := range slivers {
		for check := range checks {
			if got, err := c.Decode(e.Metadata(), slivers[axis], check); err != nil || !bytes.Equal(got, blob) {
				t.Errorf("%v, %s: %v", Axis(axis), checks[check], err)
			}
		}
	}
	bad := map[int]bool{0: true, 77: true, len(all) - 1: true}
	for i := range bad {
		all[i].Data = bytes.Clone(all[i].Data)
		all[i].Data[len(all[i].Data)/2] ^= 1
	}
	for i, err := range c.VerifySlivers(e.Metadata(), all) {
		if (err != nil) != bad[i] {
			t.Errorf("%v: %v", all[i].SliverRef, err)
		}
	}

	var symbols []Symbol
	for _, i := range []int{3, 50, 99} {
		for _, s := range []Sliver{e.Primary(i), e.Secondary(i)} {
			prover, err := c.NewProver(s)
			if err != nil {
				t.Fatal(err)
			}
			for repeat := range 10 * p.N {
				symbols = append(symbols, prover.Symbol(repeat%p.N))
			}
		}
	}
	bad = map[int]bool{1: true, 1500: true, len(symbols) - 1: true}
	for i := range bad {
		symbols[i].Row ^= 1
	}
	for i, err := range c.VerifySymbols(e.Metadata(), symbols) {
		if (err != nil) != bad[i] {
			t.Errorf("symbol %d: %v", i, err)
		}
	}
}
