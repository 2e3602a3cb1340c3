package commit

import (
	"errors"
	"math"
	"testing"
)

func TestNewParams(t *testing.T) {
	tests := []struct {
		name string
		want Params
	}{
		{"fewest", Params{N: 4, F: 1, P: 2, S: 3}},
		{"between two f", Params{N: 6, F: 1, P: 4, S: 5}},
		{"next f", Params{N: 7, F: 2, P: 3, S: 5}},
		{"Walrus mainnet", Params{N: 1000, F: 333, P: 334, S: 667}},
		{"most", Params{N: 49155, F: 16384, P: 16387, S: 32771}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := NewParams(tt.want.N); err != nil || got != tt.want {
				t.Errorf("NewParams(%d) = %+v, %v; want %+v", tt.want.N, got, err, tt.want)
			}
		})
	}
	for _, n := range []int{math.MinInt, -1, 0, 1, 3, 49156, 65535, 65536, math.MaxInt} {
		var e *ShardCountError
		if _, err := NewParams(n); !errors.As(err, &e) || e.Shards != n {
			t.Errorf("NewParams(%d): %v", n, err)
		}
	}
}

func TestSymbolSizeLimits(t *testing.T) {
	for _, n := range []int{4, 7, 10, 1000, 49155} {
		p, err := NewParams(n)
		if err != nil {
			t.Fatal(err)
		}
		cells := uint64(p.P) * uint64(p.S)
		for _, tt := range []struct {
			length uint64
			want   int
		}{
			{0, 2}, {1, 2}, {2 * cells, 2}, {2*cells + 1, 4}, {3 * cells, 4},
			{4 * cells, 4}, {65532*cells + 1, 65534}, {p.MaxBlob(), 65534},
		} {
			if got, err := p.SymbolSize(tt.length); err != nil || got != tt.want {
				t.Errorf("n = %d: SymbolSize(%d) = %d, %v; want %d", n, tt.length, got, err, tt.want)
			}
		}
		for _, length := range []uint64{p.MaxBlob() + 1, math.MaxUint64} {
			var e *TooLargeError
			if _, err := p.SymbolSize(length); !errors.As(err, &e) || e.Length != length || e.Max != p.MaxBlob() {
				t.Errorf("n = %d: SymbolSize(%d): %v", n, length, err)
			}
			if _, err := p.EncodedLength(length); !errors.As(err, &e) {
				t.Errorf("n = %d: EncodedLength(%d): %v", n, length, err)
			}
		}
	}
}

func TestVectorParams(t *testing.T) {
	for _, v := range readVectors(t) {
		p, err := NewParams(v.Shards)
		if want := (Params{N: v.Shards, F: v.F, P: v.P, S: v.S}); err != nil || p != want {
			t.Fatalf("%s: %+v, %v; want %+v", v.name(), p, err, want)
		}
		if got, err := p.SymbolSize(v.BlobLen); err != nil || got != v.SymbolSize {
			t.Errorf("%s: symbol size %d, %v; want %d", v.name(), got, err, v.SymbolSize)
		}
		if got, err := p.EncodedLength(v.BlobLen); err != nil || got != v.EncodedLen {
			t.Errorf("%s: encoded length %d, %v; want %d", v.name(), got, err, v.EncodedLen)
		}
	}
}
