package chain

import "sync"

// Recent keeps the events of the last blocks as they were read, because all who follow a
// ledger ask for the same ones at the same time. Its methods are safe for concurrent use.
type Recent struct {
	mu     sync.Mutex
	blocks [recentBlocks]struct {
		height uint64 // 0 if there is none: the first block has the height 1
		events []Event
	}
}

// Bounds of what is kept: blocks, and events of each. Larger blocks are read again.
const (
	recentBlocks = 64
	recentEvents = 1024
)

// Block returns the events of the block of a height, which must not be changed; read reads
// those that are not kept.
func (r *Recent) Block(height uint64, read func(height uint64) ([]Event, error)) ([]Event, error) {
	r.mu.Lock()
	kept := r.blocks[height%recentBlocks]
	r.mu.Unlock()
	if kept.height == height {
		return kept.events, nil
	}
	events, err := read(height)
	if err != nil || len(events) > recentEvents {
		return events, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := &r.blocks[height%recentBlocks]; b.height < height { // those who catch up do not displace what others wait for
		b.height, b.events = height, events
	}
	return events, nil
}
