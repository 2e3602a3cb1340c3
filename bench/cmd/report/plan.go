package main

import (
	"fmt"
	"runtime"

	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/commit"
)

// comparison is a set of operations that are measured side by side.
type comparison struct {
	title string
	ops   []planned
}

// planned is an operation to be measured.
type planned struct {
	key    Key
	makeOp func(*work.Arena) (*work.Op, error)
}

var (
	all    = runtime.GOMAXPROCS(0)
	shapes = []work.Shape{{Data: 334, Parity: 666}, {Data: 667, Parity: 333}}
	others = []work.Shape{{Data: 10, Parity: 4}, {Data: 128, Parity: 128},
		{Data: 1000, Parity: 1000}, {Data: 32768, Parity: 32768}}
	shardSizes = []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}
	blobSizes  = []int{1, 1 << 20, 32 << 20, 256 << 20}
	hashSizes  = []int{2, 32, 64, 128, 152, 256, 512, 1024, 2048, 4096}
	schemes    = []commit.Scheme{commit.BLAKE3, commit.Walrus}
)

// manyCores lists klauspost's settings on several cores.
var manyCores = []work.Engine{work.Klauspost, work.KlauspostSplit(0), work.KlauspostSplit(4 << 10)}

// plan lists everything that the report measures.
func plan() []comparison {
	var list []comparison
	for _, s := range shapes {
		for _, size := range shardSizes {
			list = append(list, encodes(s, size), decodes(s, size))
		}
		list = append(list, oneLost(s, 1<<10), oneLost(s, 16<<10))
	}
	for _, s := range others {
		list = append(list, encodes(s, 1<<10), decodes(s, 1<<10))
	}
	list = append(list, oddSize(shapes[1], 152))
	list = append(list, twodim()...)
	list = append(list, hashes()...)
	list = append(list, backends()...)
	list = append(list, scaling()...)
	return append(list, squares(squareWidth))
}

func (c *comparison) add(key Key, makeOp func(*work.Arena) (*work.Op, error)) {
	c.ops = append(c.ops, planned{key, makeOp})
}

func encodes(s work.Shape, size int) comparison {
	c := comparison{title: fmt.Sprintf("encode %v, %s", s, bytesName(size))}
	add := func(e work.Engine, cores int) {
		c.add(Key{encode1D, s.String(), size, cores, e.Name, ""}, func(a *work.Arena) (*work.Op, error) {
			return work.Encode1D(a, e, s, size, cores)
		})
	}
	add(work.Redstuff, 1)
	add(work.Klauspost, 1)
	if all == 1 {
		return c
	}
	add(work.Redstuff, all)
	if size >= 1<<10 {
		for _, e := range manyCores[1:] {
			if size > 4<<10 || e.Name != manyCores[2].Name {
				add(e, all)
			}
		}
	}
	return c
}

func decodes(s work.Shape, size int) comparison {
	c := comparison{title: fmt.Sprintf("decode %v, %s", s, bytesName(size))}
	for _, loss := range []work.Loss{work.LargestNew, work.LargestSeen} {
		c.addDecode(work.Redstuff, s, size, 1, loss)
		// Klauspost's codec remembers nothing: what it has seen makes a difference to
		// the processor's caches at most.
		if loss == work.LargestNew || size <= 1<<10 {
			c.addDecode(work.Klauspost, s, size, 1, loss)
		}
	}
	if all > 1 {
		c.addDecode(work.Redstuff, s, size, all, work.LargestNew)
	}
	return c
}

func oneLost(s work.Shape, size int) comparison {
	c := comparison{title: fmt.Sprintf("decode one lost, %v, %s", s, bytesName(size))}
	for _, e := range []work.Engine{work.Redstuff, work.Klauspost} {
		for _, loss := range []work.Loss{work.OneNew, work.OneSeen} {
			c.addDecode(e, s, size, 1, loss)
		}
	}
	return c
}

func (c *comparison) addDecode(e work.Engine, s work.Shape, size, cores int, loss work.Loss) {
	c.add(Key{decode1D, s.String(), size, cores, e.Name, loss.Name}, func(a *work.Arena) (*work.Op, error) {
		return work.Decode1D(a, e, s, size, cores, loss)
	})
}

// oddSize has what only the RS2 variant can code.
func oddSize(s work.Shape, size int) comparison {
	c := comparison{title: fmt.Sprintf("RS2, %v, %d B", s, size)}
	e := work.RS2
	c.add(Key{encode1D, s.String(), size, 1, e.Name, ""}, func(a *work.Arena) (*work.Op, error) {
		return work.Encode1D(a, e, s, size, 1)
	})
	c.addDecode(e, s, size, 1, work.LargestNew)
	c.addDecode(e, s, size, 1, work.LargestSeen)
	return c
}

func hashes() []comparison {
	var list []comparison
	for _, scheme := range schemes {
		for _, size := range hashSizes {
			c := comparison{title: fmt.Sprintf("hash %v, %d B", scheme, size)}
			c.add(Key{hashLeaves, scheme.String(), size, 1, redstuff, ""}, func(a *work.Arena) (*work.Op, error) {
				return work.Leaves(a, scheme, "", size)
			})
			c.add(Key{hashLeaves, scheme.String(), size, 1, libraries[scheme], ""}, func(a *work.Arena) (*work.Op, error) {
				return work.PeerHashes(a, scheme, size), nil
			})
			if size == 2*commit.HashSize {
				c.add(Key{hashNodes, scheme.String(), size, 1, redstuff, ""}, func(a *work.Arena) (*work.Op, error) {
					return work.Nodes(a, scheme, "")
				})
			}
			list = append(list, c)
		}
	}
	return list
}

// libraries names the library that each scheme's hash is compared with.
var libraries = map[commit.Scheme]string{commit.BLAKE3: "zeebo/blake3", commit.Walrus: "x/crypto/blake2b"}
