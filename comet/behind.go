package comet

import (
	"fmt"
	"time"

	"github.com/cometbft/cometbft/consensus"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/types"

	"github.com/redstuff-go/redstuff/node/control/chain"
)

// A node that begins again, or was cut off, shows what was before until it has caught up. So
// it asks the peers that its operator has named how far they are. Strangers do not count, for
// anybody can be many of them; and what less than a third of all says counts for nothing.
const (
	// slack is how many blocks a node may be behind its peers: messages take their time.
	slack = 3
	// hearTime is how long a node that begins waits to hear from its peers. One that hears
	// nobody shows what it has after that: reads go on without a quorum.
	hearTime = 10 * time.Second
)

// heightsOf returns how far those of the peers are that the switch is connected to.
func heightsOf(s *p2p.Switch, peers []string) (heights []uint64) {
	for _, id := range peers {
		peer := s.Peers().Get(p2p.ID(id))
		if peer == nil {
			continue
		}
		// A peer says which height it decides on. It has the one before.
		if s, ok := peer.Get(types.PeerStateKey).(*consensus.PeerState); ok && s.GetHeight() > 0 {
			heights = append(heights, uint64(s.GetHeight()-1))
		}
	}
	return heights
}

// behind judges a node at a height by the heights of those of its peers that it has heard of.
func behind(own uint64, heights []uint64, peers int, heard bool) error {
	ahead := 0
	for _, h := range heights {
		if h > own && h-own > slack {
			ahead++
		}
	}
	switch {
	case 3*ahead > peers+1:
		return fmt.Errorf("%w: this validator is at block %d, %d of its %d peers are ahead, and it catches up", chain.ErrBehind, own, ahead, peers)
	case peers > 0 && !heard:
		return fmt.Errorf("%w: this validator has begun at block %d, and has not heard from its peers yet", chain.ErrBehind, own)
	}
	return nil
}
