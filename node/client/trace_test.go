package client_test

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
)

// TestTrace has each step of a write and a read told once, and together they last no longer
// than the operation.
func TestTrace(t *testing.T) {
	c := newCluster(t, 7, 28)
	cl := c.client(t, nil)
	var mu sync.Mutex
	steps := make(map[client.Step]time.Duration)
	ctx := client.WithTrace(t.Context(), func(s client.Step, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if _, twice := steps[s]; twice || took < 0 {
			t.Errorf("%s took %v, and is there twice: %v", s, took, twice)
		}
		steps[s] = took
	})
	took := func(f func()) {
		t.Helper()
		began := time.Now()
		f()
		all := time.Since(began)
		mu.Lock()
		defer mu.Unlock()
		sum := time.Duration(0)
		for _, d := range steps {
			sum += d
		}
		if sum > all {
			t.Errorf("%v in all, and the steps took %v: %v", all, sum, steps)
		}
	}
	expect := func(want ...client.Step) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if got := slices.Sorted(maps.Keys(steps)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("steps %q, want %q", got, want)
		}
		clear(steps)
	}
	blob := randomBlob(1, 300_000)
	var receipt *client.Receipt
	took(func() {
		var err error
		if receipt, err = cl.Store(ctx, blob); err != nil {
			t.Fatal(err)
		}
	})
	expect(client.StepEncode, client.StepUpload, client.StepAcknowledge)
	read := func() {
		t.Helper()
		took(func() {
			if _, err := cl.Read(ctx, receipt.ID); err != nil {
				t.Fatal(err)
			}
		})
	}
	// On a busy machine nodes that have the blob's own rows may be overtaken by others.
	decoded := func() bool {
		mu.Lock()
		defer mu.Unlock()
		_, decoded := steps[client.StepDecode]
		if decoded {
			clear(steps)
		}
		return decoded
	}
	read()
	for until := time.Now().Add(time.Minute); decoded() && time.Now().Before(until); {
		read()
	}
	expect(client.StepMetadata, client.StepSlivers, client.StepCheck)
	c.set(fault.Refuse, c.committee.OwnerOfPair(receipt.ID, 0))
	read()
	expect(client.StepMetadata, client.StepSlivers, client.StepDecode)
}
