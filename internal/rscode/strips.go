package rscode

import (
	"math"

	"github.com/redstuff-go/redstuff/internal/gf16"
)

const (
	// The transforms end (and begin) with passes over blocks of 64 rows, which
	// should fit the L1 cache.
	blockRows, blockBytes = 64, 24 << 10
	// stripBytes is what the rows of both sides of a strip may take: an L2 cache.
	stripBytes = 1 << 20
	// Narrower strips cost more in constants than they gain in cache, wider ones
	// gain nothing.
	minStrip, maxStrip = 128, 4096
	// maxWide bytes are the rows of wide strips. It is no multiple of a page's simple
	// fractions, so that the eight rows of a pass are in different sets of the caches:
	// rows of 4096 bytes, which share sets, take a fifth longer, and those of 2048 a
	// twentieth.
	maxWide = 5504
	// wideBytes is what the rows of a transform may take in a wide strip: more than an
	// L2 cache, and a small part of the last one.
	wideBytes = 512 * maxWide
	// Blocks of at most wideSmall rows have strips of maxWideSmall bytes: their rows
	// stay in an L2 cache then, and rows of 22 lines are spread over its sets.
	wideSmall, maxWideSmall = 128, 22 * gf16.BlockSize
	// prefetchBytes is how large all shards are when wide strips are worth prefetching.
	prefetchBytes = 192 << 20
	// manyBlocks is how many blocks of data push one another out of the caches, so that
	// wide strips are best however small the shards are.
	manyBlocks = 32
)

// StripSize returns how many bytes of every shard a strip should have for the work on it
// to stay in a core's cache: a multiple of 64.
func (c *Code) StripSize() int { return c.strip }

func stripSize(g *Geometry) int {
	inner := blockBytes / min(g.Inner, blockRows)
	outer := max(stripBytes/(2*g.Inner), minStrip)
	return min(inner, outer, maxStrip) &^ (gf16.BlockSize - 1)
}

// EncodeStrip is [Code.StripSize] for encoding shards of so many bytes in all by a number
// of workers. It also returns whether a strip's data should be prefetched while the strip
// before it is worked on.
func (c *Code) EncodeStrip(total, workers int) (size int, prefetch bool) {
	prefetch = c.Few == nil && c.fusedSize > 0 && total >= prefetchBytes
	if prefetch || workers == 1 && total >= c.WideTotal() {
		return c.wideStrip(), prefetch
	}
	return c.StripSize(), prefetch
}

// wideStrip is StripSize for encoding shards that are far apart, in memory or the last
// cache. A visit to each of their pages then costs more than rows that leave the L1 cache.
func (c *Code) wideStrip() int {
	if c.smallBlocks() {
		return maxWideSmall
	}
	return max(c.StripSize(), min(wideBytes/c.fusedSize, maxWide)&^(gf16.BlockSize-1))
}

// WideTotal returns how large all shards together are when one core gains from wide
// strips. Several cores do not gain: each works on pages of its own.
func (c *Code) WideTotal() int {
	switch {
	case c.smallBlocks() && c.Data >= manyBlocks*c.Inner:
		return 0
	case c.smallBlocks():
		return 4 << 20
	case c.fusedSize > 0:
		return 8 << 20
	}
	return math.MaxInt
}

// smallBlocks reports whether data is outside, in blocks of few rows of which there are
// several, or which the engine encodes in fused passes.
func (c *Code) smallBlocks() bool {
	return !c.Low && c.Inner <= wideSmall && (c.Data >= 4*c.Inner || c.fusedSize > 0)
}
