package alias

import "testing"

func TestOverlap(t *testing.T) {
	b := make([]byte, 16)
	for i := range b {
		for j := i; j <= len(b); j++ {
			for k := range b {
				for l := k; l <= len(b); l++ {
					want := false
					for at := i; at < j; at++ {
						want = want || at >= k && at < l
					}
					if got := Overlap(b[i:j], b[k:l]); got != want {
						t.Errorf("Overlap of [%d:%d] and [%d:%d] = %v, want %v", i, j, k, l, got, want)
					}
					if got := Ahead(b[i:j], b[k:l]); got != (want && i > k) {
						t.Errorf("Ahead of [%d:%d] and [%d:%d] = %v, want %v", i, j, k, l, got, want && i > k)
					}
				}
			}
		}
	}
	if Overlap(b, make([]byte, 16)) || Overlap(b, nil) || Overlap(nil, nil) {
		t.Error("slices of different arrays, or none, overlap")
	}
}
