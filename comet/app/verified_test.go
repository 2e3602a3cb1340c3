package app

import (
	"bytes"
	"testing"

	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// TestVerified: what was verified is remembered, what is wrong never is, and all that is
// remembered is bounded.
func TestVerified(t *testing.T) {
	state, err := ledger.Begin(world.Genesis(1, start, epochMilli))
	if err != nil {
		t.Fatal(err)
	}
	v := new(verified)
	good := sign(t, state, 1, 0, 10)
	forged := bytes.Clone(good)
	forged[len(forged)-1] ^= 1
	first, err := v.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := v.Parse(good); err != nil || again != first {
		t.Errorf("read again: %p (%v), want %p", again, err, first)
	}
	for range 2 {
		if _, err := v.Parse(forged); ledger.RuleOf(err) != ledger.RuleSignature {
			t.Errorf("forged: %v, want rule %q", err, ledger.RuleSignature)
		}
	}
	if got := v.among([][]byte{forged, good}); len(got) != 1 || got[ledger.Digest(good)] != first {
		t.Errorf("known among two: %v, want one", got)
	}
	// As if there were as many as may be, twice.
	for range 2 {
		v.bytes = maxVerifiedBytes
		if _, err := v.Parse(sign(t, state, 1, uint64(len(v.old)+1), 10)); err != nil {
			t.Fatal(err)
		}
	}
	if len(v.young) != 1 || len(v.old) != 1 || v.bytes > maxVerifiedBytes {
		t.Errorf("%d young and %d old ones, want one of each", len(v.young), len(v.old))
	}
	if got := v.among([][]byte{good}); len(got) != 0 {
		t.Error("what is older than all that is kept is known")
	}
}
