package bench

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/celestiaorg/rsmt2d"
	"github.com/klauspost/reedsolomon"
	"github.com/zeebo/blake3"
	"golang.org/x/crypto/blake2b"
	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/bench/internal/peer"
	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/compat/rsmt2dcodec"
	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/rs2d/rs"
)

// Our codec has klauspost's faces, so it can take its place.
var (
	_ reedsolomon.Encoder = (*rs.Codec)(nil)
)

func TestCodecEqualsKlauspost(t *testing.T) {
	for _, backend := range gf.Backends() {
		t.Run(backend, func(t *testing.T) {
			var arena work.Arena
			rapid.Check(t, func(t *rapid.T) {
				// Few shards find most mistakes at the edges of the transforms, and many
				// those in their depths.
				side := rapid.OneOf(rapid.IntRange(1, 40), rapid.IntRange(1, 2048))
				shape := work.Shape{Data: side.Draw(t, "data"), Parity: side.Draw(t, "parity")}
				size := 64 * rapid.IntRange(1, 4).Draw(t, "blocks")
				lost := rapid.IntRange(1, shape.Parity).Draw(t, "lost")
				seed := rapid.Uint64().Draw(t, "seed")
				if err := compareCodecs(&arena, backend, shape, size, lost, seed); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func TestLargestCodecEqualsKlauspost(t *testing.T) {
	if testing.Short() {
		t.Skip("works on 65536 shards")
	}
	var arena work.Arena
	shape := work.Shape{Data: 32768, Parity: 32768}
	for _, lost := range []int{3, shape.Parity} {
		t.Run(fmt.Sprintf("lost=%d", lost), func(t *testing.T) {
			if err := compareCodecs(&arena, "", shape, 128, lost, 1); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// compareCodecs encodes random data with both codecs, then loses random shards and
// restores them with both.
func compareCodecs(arena *work.Arena, backend string, shape work.Shape, size, lost int, seed uint64) error {
	ours, err := rs.New(shape.Data, shape.Parity, rs.WithBackend(backend))
	if err != nil {
		return err
	}
	theirs, err := peer.NewKlauspost(shape.Data, shape.Parity)
	if err != nil {
		return err
	}
	total := shape.Total()
	all := arena.Shards(2*total, size)
	mine, other := all[:total:total], all[total:]
	for i := range shape.Data {
		work.Fill(mine[i], byte(seed)+byte(i))
		copy(other[i], mine[i])
	}
	if err := ours.Encode(mine); err != nil {
		return err
	}
	if err := theirs.Encode(other); err != nil {
		return err
	}
	for i := range mine {
		if !bytes.Equal(mine[i], other[i]) {
			return fmt.Errorf("%v, %d bytes: shard %d differs after Encode", shape, size, i)
		}
	}

	for _, i := range work.Random(seed).Perm(total)[:lost] {
		clear(mine[i])
		mine[i] = mine[i][:0]
	}
	if err := ours.Reconstruct(mine); err != nil {
		return err
	}
	for i := range mine {
		if !bytes.Equal(mine[i], other[i]) {
			return fmt.Errorf("%v, %d bytes, %d lost: shard %d differs after Reconstruct", shape, size, lost, i)
		}
	}
	for _, i := range work.Random(seed + 1).Perm(total)[:lost] {
		clear(other[i])
		other[i] = other[i][:0]
	}
	if err := theirs.Reconstruct(other); err != nil {
		return err
	}
	for i := range mine {
		if !bytes.Equal(mine[i], other[i]) {
			return fmt.Errorf("%v, %d bytes, %d lost: klauspost's shard %d differs after Reconstruct", shape, size, lost, i)
		}
	}
	return nil
}

// What is measured on several cores must be klauspost's code still.
func TestSplitEqualsWhole(t *testing.T) {
	shape := work.Shape{Data: 20, Parity: 12}
	for _, piece := range []int{0, 64, 192, 4096} {
		t.Run(fmt.Sprintf("piece=%d", piece), func(t *testing.T) {
			encoder, err := peer.NewKlauspost(shape.Data, shape.Parity)
			if err != nil {
				t.Fatal(err)
			}
			split := &peer.Split{Encoder: encoder, Data: shape.Data, Workers: 3, Piece: piece}
			var a, b work.Arena
			whole, parts := a.Shards(shape.Total(), 640), b.Shards(shape.Total(), 640)
			for i := range shape.Data {
				work.Fill(whole[i], byte(i))
				copy(parts[i], whole[i])
			}
			if err := encoder.Encode(whole); err != nil {
				t.Fatal(err)
			}
			if err := split.Encode(parts); err != nil {
				t.Fatal(err)
			}
			for i := range parts {
				if !bytes.Equal(parts[i], whole[i]) {
					t.Fatalf("shard %d differs after Encode", i)
				}
			}
			for i := range shape.Parity {
				clear(parts[2*i])
				parts[2*i] = parts[2*i][:0]
			}
			if err := split.ReconstructData(parts); err != nil {
				t.Fatal(err)
			}
			for i := range shape.Data {
				if !bytes.Equal(parts[i], whole[i]) {
					t.Fatalf("shard %d differs after ReconstructData", i)
				}
			}
		})
	}
}

func TestSquaresComeBack(t *testing.T) {
	for _, codec := range []rsmt2d.Codec{rsmt2d.NewLeoRSCodec(), rsmt2dcodec.New()} {
		var arena work.Arena
		repair, err := work.RepairSquare(&arena, codec, 8)
		if err != nil {
			t.Fatal(err)
		}
		if err := repair.Run(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHashesEqualLibraries(t *testing.T) {
	derive := func(context string) func([]byte) [32]byte {
		return func(message []byte) (digest [32]byte) {
			blake3.DeriveKey(context, message, digest[:])
			return digest
		}
	}
	prefixed := func(prefix byte) func([]byte) [32]byte {
		return func(message []byte) [32]byte {
			return blake2b.Sum256(append([]byte{prefix}, message...))
		}
	}
	for _, scheme := range []struct {
		scheme     commit.Scheme
		leaf, node func([]byte) [32]byte
	}{
		{commit.BLAKE3, derive("redstuff v1 leaf"), derive("redstuff v1 node")},
		{commit.Walrus, prefixed(0), prefixed(1)},
	} {
		for _, backend := range gf.Backends() {
			t.Run(fmt.Sprintf("%v/%s", scheme.scheme, backend), func(t *testing.T) {
				hasher, err := commit.NewHasher(scheme.scheme, backend)
				if err != nil {
					t.Fatal(err)
				}
				rapid.Check(t, func(t *rapid.T) {
					size := rapid.IntRange(0, 4096).Draw(t, "size")
					count := rapid.IntRange(1, 40).Draw(t, "count")
					src := make([]byte, max(size, 64)*count)
					work.Fill(src, rapid.Byte().Draw(t, "seed"))
					leaves, nodes := make([]byte, 32*count), make([]byte, 32*count)
					hasher.Leaves(leaves, 32, src, size, size, count)
					hasher.Nodes(nodes, src, src[32:], 64, count)
					for i := range count {
						if leaf := scheme.leaf(src[i*size:][:size]); !bytes.Equal(leaves[32*i:][:32], leaf[:]) {
							t.Fatalf("leaf %d of %d, %d bytes, differs", i, count, size)
						}
						if node := scheme.node(src[64*i:][:64]); !bytes.Equal(nodes[32*i:][:32], node[:]) {
							t.Fatalf("node %d of %d differs", i, count)
						}
					}
				})
			})
		}
	}
}
