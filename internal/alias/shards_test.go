package alias

import (
	"math/rand/v2"
	"testing"

	"github.com/redstuff-go/redstuff/internal/race"
	"pgregory.net/rapid"
)

// TestFindOverlap compares FindOverlap with asking for every pair.
func TestFindOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 9).Draw(t, "size")
		n := rapid.SampledFrom([]int{2, 9, 40, 300}).Draw(t, "buffers")
		memory := make([]byte, rapid.SampledFrom([]int{4, 20, 2000}).Draw(t, "slots")*n+size)
		place := rapid.SampledFrom([]string{"anywhere", "in slots", "ascending"}).Draw(t, "place")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		slots := (len(memory) - size) / size
		order := random.Perm(max(slots, 1))
		buffer := func(i int) []byte {
			at := 0
			switch {
			case random.IntN(20) == 0:
				return nil
			case place == "anywhere":
				at = random.IntN(len(memory) - size)
			case place == "in slots":
				at = order[i%len(order)] * size
			default:
				at = min(i*size, len(memory)-size)
			}
			return memory[at:][:size:size]
		}
		all := make([][]byte, n)
		for i := range all {
			all[i] = buffer(i)
		}
		cut := rapid.IntRange(0, n).Draw(t, "outs")
		outs, ins := all[:cut], all[cut:]
		want := false
		for i := range outs {
			for j := range all {
				want = want || i != j && Overlap(all[i], all[j])
			}
		}
		out, other, got := FindOverlap(outs, ins, size)
		if got != want {
			t.Fatalf("found: %v, want %v", got, want)
		}
		if got && (out == other || out >= cut || !Overlap(all[out], all[other])) {
			t.Fatalf("buffers %d and %d of %d outs and %d in all do not overlap", out, other, cut, n)
		}
		whole := true
		for _, b := range all {
			whole = whole && len(b) == size
		}
		if got, want := AscendingWhole(all, size), whole && Ascending(all, size); got != want {
			t.Fatalf("AscendingWhole: %v, want %v", got, want)
		}
		if Ascending(all, size) {
			for i := range all {
				for j := range i {
					if Overlap(all[i], all[j]) {
						t.Fatalf("buffers that ascend overlap: %d and %d", j, i)
					}
				}
			}
		}
	})
}

// Buffers in the order of their allocation pass at first sight.
func TestAscending(t *testing.T) {
	memory := make([]byte, 100)
	for _, test := range []struct {
		name string
		at   []int
		want bool
	}{
		{"none", nil, true},
		{"side by side", []int{0, 10, 20}, true},
		{"apart", []int{5, 30, 80}, true},
		{"a byte in common", []int{0, 9}, false},
		{"the same", []int{10, 10}, false},
		{"descending", []int{20, 10}, false},
		{"an overlap behind", []int{0, 10, 40, 45, 60}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var buffers [][]byte
			for _, at := range test.at {
				buffers = append(buffers, memory[at:][:10], nil)
			}
			if got := Ascending(buffers, 10); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

// scattered returns n buffers of a size in random order.
func scattered(n, size int) [][]byte {
	memory := make([]byte, n*size)
	buffers := make([][]byte, n)
	for i, at := range rand.New(rand.NewPCG(1, 1)).Perm(n) {
		buffers[i] = memory[at*size:][:size:size]
	}
	return buffers
}

func TestFindOverlapAllocatesNothing(t *testing.T) {
	for _, n := range []int{14, 1000} {
		buffers := scattered(n, 64)
		allocs := testing.AllocsPerRun(100, func() {
			if _, _, found := FindOverlap(buffers[:n/3], buffers[n/3:], 64); found {
				t.Fatal("an overlap of buffers side by side")
			}
		})
		if allocs >= 1 && !race.Enabled {
			t.Errorf("%d buffers: %v allocations", n, allocs)
		}
	}
}

func BenchmarkFindOverlap(b *testing.B) {
	for _, shape := range []struct {
		name  string
		n     int
		mixed bool
	}{{"ascending/14", 14, false}, {"scattered/14", 14, true}, {"ascending/1000", 1000, false}, {"scattered/1000", 1000, true}} {
		b.Run(shape.name, func(b *testing.B) {
			buffers := scattered(shape.n, 64)
			if !shape.mixed {
				memory := make([]byte, 64*shape.n)
				for i := range buffers {
					buffers[i] = memory[64*i:][:64:64]
				}
			}
			outs, ins := buffers[shape.n*2/3:], buffers[:shape.n*2/3]
			for b.Loop() {
				FindOverlap(outs, ins, 64)
			}
		})
	}
}
