package lanehash

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestClimb climbs from all lanes of a group at once, each by turns of its own, and
// compares with one node after another.
func TestClimb(t *testing.T) {
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		lanes := h.GroupLanes()
		if lanes == 0 {
			return
		}
		random := rand.New(rand.NewPCG(1, 2))
		for _, levels := range []int{1, 2, 3, 10, MaxDepth} {
			t.Run(fmt.Sprint(levels), func(t *testing.T) {
				nodes, beside := randomHashes(lanes, 60+uint64(levels)), randomHashes(lanes*levels, 80+uint64(levels))
				var siblings [MaxGroup]*byte
				var turns [MaxDepth]uint16
				for l := range turns {
					turns[l] = uint16(random.Uint32())
				}
				got := flatten(nodes)
				for i := range lanes {
					siblings[i] = (*byte)(unsafe.Pointer(&beside[i*levels]))
				}
				h.Climb(got, &siblings, &turns, levels)
				for i, node := range nodes {
					for l := range levels {
						if sibling := beside[i*levels+l]; turns[l]>>i&1 != 0 {
							node = h.Node(sibling, node)
						} else {
							node = h.Node(node, sibling)
						}
					}
					if g := Hash(got[i*HashSize:]); g != node {
						t.Errorf("lane %d of %d leads to %v, want %v", i, lanes, g, node)
					}
				}
			})
		}
	})
}
