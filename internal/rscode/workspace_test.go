package rscode

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/redstuff-go/redstuff/internal/bitset"
	"github.com/redstuff-go/redstuff/internal/gf16"
	"github.com/redstuff-go/redstuff/internal/nilargs"
)

func newCode(t testing.TB, k, m int, rate Rate) *Code {
	t.Helper()
	c, err := New(k, m, rate, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func randomShards(seed byte, n, size int) [][]byte {
	random := rand.NewChaCha8([32]byte{seed})
	shards := make([][]byte, n)
	for i := range shards {
		shards[i] = make([]byte, size)
		_, _ = random.Read(shards[i])
	}
	return shards
}

// strip is the whole of shards of a size.
func strip(shards [][]byte, size int) Symbols {
	return Symbols{Shards: shards, Size: size, Count: 1}
}

// Data that fits a smaller power of two than parity is coded by smaller transforms, fused:
// what decodes cannot tell, as it is of a piece with what encodes.
func TestSizeOfTransformsDoesNotMatter(t *testing.T) {
	const size = 192
	for _, shape := range [][2]int{{3, 60}, {60, 60}, {64, 65}, {40, 300}, {200, 600}, {334, 666}, {513, 1000}, {667, 333}, {1200, 500}} {
		for _, rate := range []Rate{High, Smaller} {
			c := newCode(t, shape[0], shape[1], rate)
			data := randomShards(1, shape[0], size)
			got, want := randomShards(2, shape[1], size), randomShards(3, shape[1], size)
			c.NewWorkspace().Encode(strip(got, size), strip(data, size))
			c.fusedSize = 0
			c.NewWorkspace().Encode(strip(want, size), strip(data, size))
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("rate %v, %v: parity shard %d differs", rate, shape, i)
				}
			}
		}
	}
}

// The closed form of the code gives the parity of data that is one word.
func TestCoefficient(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {3, 2}, {2, 3}, {5, 7}, {6, 20}, {20, 6}} {
		c := newCode(t, shape[0], shape[1], Smaller)
		for d := range c.Data {
			data, parity := make([][]byte, c.Data), randomShards(1, c.Parity, 64)
			for i := range data {
				data[i] = make([]byte, 64)
			}
			data[d][0] = 1
			c.NewWorkspace().Encode(strip(parity, 64), strip(data, 64))
			for p, shard := range parity {
				want := c.Coefficient(d, p)
				if got := gf16.Elem(shard[0]) | gf16.Elem(shard[32])<<8; got != want {
					t.Errorf("%v: data %d in parity %d is %#x, want %#x", shape, d, p, got, want)
				}
			}
		}
	}
}

func TestShapes(t *testing.T) {
	for _, test := range []struct {
		k, m, points int
	}{
		{0, 1, 0}, {1, 0, 0}, {-1, 5, 0}, {65536, 1, 65537}, {1 << 20, 1, 1 << 20}, {40000, 40000, 65536 + 40000},
	} {
		var shape *ShapeError
		if _, err := New(test.k, test.m, Smaller, ""); !errors.As(err, &shape) || shape.Points != test.points {
			t.Errorf("New(%d, %d): error %v, want a ShapeError of %d points", test.k, test.m, err, test.points)
		}
	}
}

// TestVerify changes a byte of each shard, in shapes that are verified in each of the ways
// there are, with data and parity at different offsets.
func TestVerify(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {5, 1}, {10, 4}, {40, 16}, {3, 7}, {33, 40}, {100, 200}} {
		for _, size := range []int{64, 192, 62} {
			c := newCode(t, shape[0], shape[1], Smaller)
			w := c.NewWorkspace()
			data := Symbols{Shards: randomShards(1, c.Data, 64+size), Off: 64, Size: size, Count: 1}
			parity := Symbols{Shards: randomShards(2, c.Parity, 128+size), Off: 128, Size: size, Count: 1}
			w.Encode(parity, data)
			if !w.Verify(parity, data) {
				t.Fatalf("%v, %d bytes: parity is not that of its data", shape, size)
			}
			for _, s := range []Symbols{parity, data} {
				for i, shard := range s.Shards {
					at := &shard[s.Off+(i*7)%size]
					*at ^= 1
					if w.Verify(parity, data) {
						t.Errorf("%v, %d bytes: parity is that of its data, with a byte of shard %d changed", shape, size, i)
					}
					*at ^= 1
				}
			}
		}
	}
}

// TestParityPattern compares what patterns of one parity shard compute with the encoding.
func TestParityPattern(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {10, 4}, {40, 30}, {20, 300}} {
		c := newCode(t, shape[0], shape[1], Smaller)
		w := c.NewWorkspace()
		shards := randomShards(1, c.Total(), 64)
		w.Encode(strip(shards[c.Data:], 64), strip(shards[:c.Data], 64))
		for i := c.Data; i < c.Total(); i++ {
			p := c.ParityPattern(i)
			if !p.Sums() {
				continue
			}
			wanted, got := make([][]byte, c.Total()), make([]byte, 64)
			wanted[i] = got
			w.Reconstruct(p, strip(wanted, 64), strip(append(slices.Clone(shards[:c.Data]), make([][]byte, c.Parity)...), 64))
			if !bytes.Equal(got, shards[i]) {
				t.Errorf("%v: shard %d is not that of the encoding", shape, i)
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a data shard's pattern of parity is none; want a panic")
		}
	}()
	newCode(t, 3, 2, Smaller).ParityPattern(2)
}

func TestNil(t *testing.T) {
	c := newCode(t, 2, 1, Smaller)
	present := []bool{false, true, true}
	pattern, err := c.Pattern(present, nil)
	if err != nil {
		t.Fatal(err)
	}
	shards := randomShards(1, 3, 64)
	w, symbols, missing := c.NewWorkspace(), strip(shards, 64), bitset.Set{1}
	plan := NewPlan(c, missing)
	nilargs.Check(t, ".", []nilargs.Call{
		{Name: "New", Func: New, Args: []any{2, 1, Smaller, "generic"}},
		{Name: "Code.EncodeStrip", Func: c.EncodeStrip, Args: []any{1 << 20, 1}},
		{Name: "NewPlan", Func: NewPlan, Args: []any{c, missing}},
		{Name: "Code.PatternOf", Func: c.PatternOf, Args: []any{missing, missing}},
		{Name: "Code.ParityPattern", Func: c.ParityPattern, Args: []any{2}},
		{Name: "Code.Pattern", Func: c.Pattern, Args: []any{present, []bool{true, false, false}}},
		{Name: "Geometry.Coefficient", Func: c.Geometry.Coefficient, Args: []any{0, 0}},
		{Name: "Geometry.Point", Func: c.Geometry.Point, Args: []any{0}},
		{Name: "Pattern.Restores", Func: pattern.Restores, Args: []any{0}},
		{Name: "Pattern.Sources", Func: pattern.Sources, Args: []any{new(Sources), shards}},
		{Name: "Plan.Coefficient", Func: plan.Coefficient, Args: []any{1, 0}},
		{Name: "Plan.Uses", Func: plan.Uses, Args: []any{0}},
		{Name: "Workspace.Encode", Func: w.Encode, Args: []any{strip(shards[2:], 64), strip(shards[:2], 64)}},
		{Name: "Workspace.Reconstruct", Func: w.Reconstruct, Args: []any{pattern, symbols, symbols}},
		{Name: "Workspace.Verify", Func: w.Verify, Args: []any{strip(shards[2:], 64), strip(shards[:2], 64)}},
	})
}
