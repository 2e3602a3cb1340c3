package compat

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/klauspost/reedsolomon"
	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// exported are all errors that the package exports.
var exported = []error{
	reedsolomon.ErrInvShardNum,
	reedsolomon.ErrMaxShardNum,
	reedsolomon.ErrNotSupported,
	reedsolomon.ErrInvShardCombo,
	reedsolomon.ErrTooFewShards,
	reedsolomon.ErrInvalidInput,
	reedsolomon.ErrShardNoData,
	reedsolomon.ErrShardSize,
	reedsolomon.ErrInvalidShardSize,
	reedsolomon.ErrShortData,
	reedsolomon.ErrReconstructRequired,
	reedsolomon.ErrReconstructMismatch,
}

// sameErrors returns what is wrong unless both are nil, or both are errors and match
// the same of the exported ones.
func sameErrors(ours, theirs error) error {
	if (ours == nil) != (theirs == nil) {
		return fmt.Errorf("error %v, want %v", ours, theirs)
	}
	for _, target := range exported {
		if errors.Is(ours, target) != errors.Is(theirs, target) {
			return fmt.Errorf("error %v, want %v: they differ in being %q", ours, theirs, target)
		}
	}
	return nil
}

// TestNewErrors asks both for codecs of all kinds of shapes.
func TestNewErrors(t *testing.T) {
	numbers := []int{math.MinInt, -1, 0, 1, 2, 255, 256, 257, 16384, 16385, 32767, 32768, 32769, 49152, 65534, 65535, 65536, 65537, math.MaxInt}
	for _, k := range numbers {
		for _, m := range numbers {
			if m == 0 {
				continue // no parity: theirs has a code for that, at times
			}
			_, theirs := reedsolomon.New(k, m, reedsolomon.WithLeopardGF16(true))
			_, ours := rs.New(k, m)
			if err := sameErrors(ours, theirs); err != nil {
				t.Errorf("New(%d, %d): %v", k, m, err)
			}
		}
	}
}

// TestNoFalseMatch sees to it that errors match no more than they should.
func TestNoFalseMatch(t *testing.T) {
	few := fmt.Errorf("%w: 1 of 2", rs.ErrTooFewShards)
	for _, target := range []error{nil, errors.New("other"), fmt.Errorf("%w", reedsolomon.ErrTooFewShards)} {
		if errors.Is(few, target) {
			t.Errorf("%v is %v", few, target)
		}
	}
	for _, err := range []error{rs.ErrOption, rs.ErrShardSize} {
		for _, target := range exported {
			if errors.Is(err, target) {
				t.Errorf("%v is %v", err, target)
			}
		}
	}
}
