package main

import (
	"fmt"

	"github.com/celestiaorg/rsmt2d"

	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/compat/rsmt2dcodec"
	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/rs2d"
)

// The largest code that the report has; the one that Walrus runs.
const manyShards = 1000

// How a lost pair is rebuilt, and a symbol computed.
const (
	withProofs = "proofs"
	trusting   = "roots only"
)

func codeName(n int) string { return fmt.Sprintf("n=%d", n) }

// coreCounts are one core and all.
func coreCounts() []int {
	if all == 1 {
		return []int{1}
	}
	return []int{1, all}
}

func twodim() []comparison {
	var list []comparison
	for _, n := range []int{10, 100, manyShards} {
		for _, size := range blobSizes {
			for _, scheme := range schemes {
				if blob := (work.Blob{N: n, Size: size, Scheme: scheme}); blob.Fits() {
					list = append(list, commits(blob))
				}
			}
		}
	}
	for _, size := range blobSizes {
		list = append(list, reads(work.Blob{N: manyShards, Size: size, Scheme: commit.BLAKE3}))
	}
	for _, scheme := range schemes {
		list = append(list, recovers(work.Blob{N: manyShards, Size: 32 << 20, Scheme: scheme}))
	}
	return list
}

// commits has what begins with a blob.
func commits(blob work.Blob) comparison {
	c := comparison{title: fmt.Sprintf("encode n=%d, %s, %v", blob.N, bytesName(blob.Size), blob.Scheme)}
	for _, cores := range coreCounts() {
		for _, op := range []struct {
			work   string
			makeOp func(*work.Arena, work.Blob, int) (*work.Op, error)
		}{{encode2D, work.Encode2D}, {id2D, work.ID2D}, {fresh2D, work.EncodeFresh2D}} {
			if op.work == fresh2D && blob.Size <= 1<<20 {
				continue // the system hands out no new memory for so little
			}
			c.add(Key{op.work, codeName(blob.N), blob.Size, cores, redstuff, blob.Scheme.String()},
				func(a *work.Arena) (*work.Op, error) { return op.makeOp(a, blob, cores) })
		}
	}
	return c
}

// encodedOnce has the operations of a comparison share one encoding of the blob.
func encodedOnce(blob work.Blob) func(*work.Arena) (*work.Encoded, error) {
	var encoded *work.Encoded
	return func(a *work.Arena) (_ *work.Encoded, err error) {
		if encoded == nil {
			encoded, err = work.NewEncoded(a, blob)
		}
		return encoded, err
	}
}

// reads has what begins with slivers.
func reads(blob work.Blob) comparison {
	c := comparison{title: fmt.Sprintf("decode n=%d, %s", blob.N, bytesName(blob.Size))}
	encoded := encodedOnce(blob)
	checks := []struct {
		name  string
		check rs2d.Check
	}{{checkNone, rs2d.CheckNone}, {"systematic", rs2d.CheckSystematic}, {checkStrict, rs2d.CheckStrict}}
	for _, cores := range coreCounts() {
		for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
			for _, check := range checks {
				if cores > 1 && check.check == rs2d.CheckSystematic {
					continue
				}
				key := Key{decode2D, codeName(blob.N), blob.Size, cores, redstuff, fmt.Sprintf("%v, %s", axis, check.name)}
				c.add(key, func(a *work.Arena) (*work.Op, error) {
					e, err := encoded(a)
					if err != nil {
						return nil, err
					}
					return e.Decode(axis, check.check, cores)
				})
				if cores > 1 || blob.Size <= 1<<20 {
					continue
				}
				key.Work = freshDecode
				c.add(key, func(a *work.Arena) (*work.Op, error) {
					e, err := encoded(a)
					if err != nil {
						return nil, err
					}
					return e.DecodeFresh(axis, check.check, cores)
				})
			}
		}
	}
	return c
}

// recovers has what begins with symbols. Keys carry the scheme in place of the code's
// name where it is not the default.
func recovers(blob work.Blob) comparison {
	c := comparison{title: fmt.Sprintf("recover n=%d, %s, %v", blob.N, bytesName(blob.Size), blob.Scheme)}
	encoded := encodedOnce(blob)
	for _, how := range []string{withProofs, trusting} {
		c.add(Key{recover2D, recoverCode(blob.Scheme), blob.Size, 1, redstuff, how}, func(a *work.Arena) (*work.Op, error) {
			e, err := encoded(a)
			if err != nil {
				return nil, err
			}
			return e.Recover(how == trusting, 1)
		})
		c.add(Key{help2D, recoverCode(blob.Scheme), blob.Size, 1, redstuff, how}, func(a *work.Arena) (*work.Op, error) {
			e, err := encoded(a)
			if err != nil {
				return nil, err
			}
			return e.Help(how == withProofs, 1)
		})
	}
	return c
}

func recoverCode(scheme commit.Scheme) string {
	return fmt.Sprintf("%s, %v", codeName(manyShards), scheme)
}

// backends has one work of each kind on every instruction set.
func backends() []comparison {
	s, blob := shapes[1], work.Blob{N: manyShards, Size: 32 << 20, Scheme: commit.BLAKE3}
	list := []comparison{
		{title: "backends, encode 1D"}, {title: "backends, decode 1D"}, {title: "backends, BLAKE3"},
		{title: "backends, Blake2b"}, {title: "backends, encode 2D"},
	}
	for i, name := range gf.Backends() {
		e := work.Redstuff
		if i > 0 {
			e = work.Backends()[i-1]
		}
		how := "backend " + name
		for _, size := range []int{64, 1 << 10, 16 << 10} {
			list[0].add(Key{encode1D, s.String(), size, 1, redstuff, how}, func(a *work.Arena) (*work.Op, error) {
				return work.Encode1D(a, e, s, size, 1)
			})
		}
		list[1].add(Key{decode1D, s.String(), 1 << 10, 1, redstuff, how}, func(a *work.Arena) (*work.Op, error) {
			return work.Decode1D(a, e, s, 1<<10, 1, work.LargestSeen)
		})
		for k, scheme := range schemes {
			list[2+k].add(Key{hashLeaves, scheme.String(), 152, 1, redstuff, how}, func(a *work.Arena) (*work.Op, error) {
				return work.Leaves(a, scheme, name, 152)
			})
			list[2+k].add(Key{hashNodes, scheme.String(), 2 * commit.HashSize, 1, redstuff, how}, func(a *work.Arena) (*work.Op, error) {
				return work.Nodes(a, scheme, name)
			})
		}
		on := blob
		on.Backend = name
		list[4].add(Key{encode2D, codeName(on.N), on.Size, 1, redstuff, how}, func(a *work.Arena) (*work.Op, error) {
			return work.Encode2D(a, on, 1)
		})
	}
	return list
}

// scaled names the works that are measured on every number of cores.
var scaled = []Key{
	{Work: encode1D, Code: "667+333", Size: 16 << 10, Who: redstuff, How: "scaling"},
	{Work: encode1D, Code: "667+333", Size: 1 << 20, Who: redstuff, How: "scaling"},
	{Work: decode1D, Code: "667+333", Size: 16 << 10, Who: redstuff, How: "scaling"},
	{Work: encode2D, Code: "n=1000", Size: 32 << 20, Who: redstuff, How: "scaling"},
	{Work: encode2D, Code: "n=1000", Size: 256 << 20, Who: redstuff, How: "scaling"},
}

func scaling() []comparison {
	var list []comparison
	for _, key := range scaled {
		c := comparison{title: fmt.Sprintf("scaling, %s %s, %s", key.Work, key.Code, bytesName(key.Size))}
		for cores := 1; cores <= all; cores += max(1, all/8) {
			key.Cores = cores
			c.add(key, func(a *work.Arena) (*work.Op, error) {
				switch key.Work {
				case encode1D:
					return work.Encode1D(a, work.Redstuff, shapes[1], key.Size, cores)
				case decode1D:
					return work.Decode1D(a, work.Redstuff, shapes[1], key.Size, cores, work.LargestSeen)
				}
				return work.Encode2D(a, work.Blob{N: manyShards, Size: key.Size, Scheme: commit.BLAKE3}, cores)
			})
		}
		list = append(list, c)
	}
	return list
}

// squareEngines names rsmt2d with its own codec, and with ours.
var squareEngines = [...]string{"rsmt2d", "rsmt2d with our codec"}

// squareWidth is the least power of two at which rsmt2d's own codec is that of
// GF(2^16), which ours gives the bytes of.
const squareWidth = 256

// squares has rsmt2d with its own codec and with ours, and RedStuff on as many
// shards as the extended square is wide, on all cores: rsmt2d's goroutines are not
// to be limited.
func squares(width int) comparison {
	size := width * width * work.ShareSize
	c := comparison{title: fmt.Sprintf("rsmt2d, width %d", width)}
	code := fmt.Sprintf("width %d", width)
	for i, codec := range []rsmt2d.Codec{rsmt2d.NewLeoRSCodec(), rsmt2dcodec.New()} {
		who := squareEngines[i]
		c.add(Key{extend, code, size, all, who, ""}, func(a *work.Arena) (*work.Op, error) {
			return work.ExtendSquare(a, codec, width), nil
		})
		c.add(Key{repair, code, size, all, who, ""}, func(a *work.Arena) (*work.Op, error) {
			return work.RepairSquare(a, codec, width)
		})
	}
	blob := work.Blob{N: 2 * width, Size: size, Scheme: commit.BLAKE3}
	c.add(Key{extend, code, size, all, redstuff, ""}, func(a *work.Arena) (*work.Op, error) {
		return work.EncodeFresh2D(a, blob, all)
	})
	c.add(Key{repair, code, size, all, redstuff, ""}, func(a *work.Arena) (*work.Op, error) {
		e, err := work.NewEncoded(a, blob)
		if err != nil {
			return nil, err
		}
		return e.DecodeFresh(rs2d.Primary, rs2d.CheckStrict, all)
	})
	return c
}
