package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestParseSizes(t *testing.T) {
	const most = 64 << 20
	tests := []struct{ text, want string }{ // want is empty for an error
		{"1MiB", "1MiB"},
		{"0", "0B"},
		{"1000", "1000B"},
		{"fixed:64KiB", "64KiB"},
		{"uniform:1KiB-1MiB", "uniform:1KiB-1MiB"},
		{"uniform:7-7", "uniform:7B-7B"},
		{"lognormal:256KiB,1.5", "lognormal:256KiB,1.5"},
		{"lognormal:1,0", "lognormal:1B,0"},
		{"", ""},
		{"big", ""},
		{"-1", ""},
		{"65MiB", ""},
		{"uniform:2-1", ""},
		{"uniform:1-65MiB", ""},
		{"uniform:1", ""},
		{"lognormal:1MiB", ""},
		{"lognormal:0,1", ""},
		{"lognormal:1MiB,-1", ""},
		{"lognormal:1MiB,NaN", ""},
		{"lognormal:1MiB,11", ""},
		{"zipf:1MiB", ""},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := ParseSizes(test.text, most)
			if (err == nil) != (test.want != "") {
				t.Fatalf("%v, %v", got, err)
			}
			if err != nil {
				return
			}
			if got.String() != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			if again, err := ParseSizes(got.String(), most); err != nil || again != got {
				t.Errorf("%+v, %v, want %+v", again, err, got)
			}
		})
	}
}

func TestSizesKeepTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Uint64Range(0, 1<<20).Draw(t, "lo")
		hi := lo + rapid.Uint64Range(0, 1<<20).Draw(t, "width")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		u := Sizes{kind: uniform, lo: lo, hi: hi}
		l := Sizes{kind: logNormal, lo: 1, hi: hi + 1, median: float64(hi + 1), sigma: rapid.Float64Range(0, 10).Draw(t, "sigma")}
		for range 100 {
			if v := u.Draw(r); v < lo || v > hi {
				t.Fatalf("%d is not within %d-%d", v, lo, hi)
			}
			if v := l.Draw(r); v < 1 || v > hi+1 {
				t.Fatalf("%d is not within 1-%d", v, hi+1)
			}
		}
	})
}

// TestSizesFollowTheirDistribution compares quantiles of many lengths.
func TestSizesFollowTheirDistribution(t *testing.T) {
	tests := []struct {
		text             string
		median, quantile float64 // the latter of 84.13 %: a standard deviation above
	}{
		{"uniform:0-1000000", 500_000, 841_345},
		{"lognormal:100000,0.5", 100_000, 100_000 * math.Exp(0.5)},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			s, err := ParseSizes(test.text, 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 2))
			var all []float64
			for range 20_000 {
				all = append(all, float64(s.Draw(r)))
			}
			slices.Sort(all)
			for at, want := range map[float64]float64{0.5: test.median, 0.8413: test.quantile} {
				if got := all[int(at*float64(len(all)))]; math.Abs(got/want-1) > 0.03 {
					t.Errorf("quantile %g is %g, want %g", at, got, want)
				}
			}
		})
	}
}
