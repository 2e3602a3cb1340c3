package comet

import (
	"errors"
	"math"
	"testing"

	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/node/control/chain"
)

// TestBehind: a node is behind when more than a third say so, and liars are no more.
func TestBehind(t *testing.T) {
	for _, test := range []struct {
		name    string
		heights []uint64
		peers   int
		heard   bool
		want    bool
	}{
		{"alone", nil, 0, false, false},
		{"nobody heard yet", nil, 3, false, true},
		{"nobody heard for long", nil, 3, true, false},
		{"all are as far", []uint64{100, 101, 103}, 3, true, false},
		{"two of three are ahead", []uint64{104, 200, 100}, 3, true, true},
		{"a liar", []uint64{math.MaxUint64, 100, 100}, 3, true, false},
		{"two liars of seven", []uint64{math.MaxUint64, math.MaxUint64, 100, 100, 100, 100}, 6, true, false},
		{"three of seven are ahead", []uint64{104, 104, 104, 0, 0, 0}, 6, true, true},
		{"one of two", []uint64{104}, 1, true, true},
	} {
		if err := behind(100, test.heights, test.peers, test.heard); errors.Is(err, chain.ErrBehind) != test.want {
			t.Errorf("%s: %v, want ErrBehind %v", test.name, err, test.want)
		}
	}
}

// TestCatchUp: a node that was away says so until it has what the others have.
func TestCatchUp(t *testing.T) {
	t.Parallel() // it mostly waits
	c := startCluster(t, 3_600_000, nil)
	users := world.NewUsers(c.any().State(), 17)
	c.submit(c.nodes[0], users.Next())
	c.settle()
	c.stop(3)
	for c.nodes[0].Chain().Height < 20 {
		c.submit(c.nodes[0], users.Next())
	}
	last := c.nodes[0].app.Height()
	c.start(3)
	n := c.nodes[3]
	// It may catch up before it is asked for the first time, but never answers before.
	wait(t, "node that has caught up", func() bool { return n.Behind() == nil })
	if got := n.app.Height(); got+slack < last {
		t.Errorf("at block %d the node is not behind, and others are at %d", got, last)
	}
	if err := c.nodes[0].Behind(); err != nil {
		t.Errorf("a node that was there: %v", err)
	}
}
