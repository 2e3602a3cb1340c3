package bench

import (
	"fmt"
	"testing"

	"github.com/celestiaorg/rsmt2d"

	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/compat/rsmt2dcodec"
	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/rs2d"
)

var (
	shardCounts = []int{10, 100, 1000}
	blobSizes   = []int{1, 1 << 10, 1 << 20, 32 << 20, 256 << 20}
	schemes     = []commit.Scheme{commit.BLAKE3, commit.Walrus}
)

// twodim calls f for every blob that can be encoded, on one core and on all.
// Backends but the best get blobs of few bytes only.
func twodim(b *testing.B, backends []string, f func(b *testing.B, blob work.Blob, cores int)) {
	for _, n := range shardCounts {
		for _, size := range blobSizes {
			for _, scheme := range schemes {
				for k, backend := range backends {
					blob := work.Blob{N: n, Size: size, Scheme: scheme, Backend: backend}
					if !blob.Fits() || k > 0 && size > 1<<20 {
						continue
					}
					for _, cores := range []int{1, 0} {
						b.Run(fmt.Sprintf("n=%d/size=%s/scheme=%v/cores=%s/backend=%s", n, sizeName(size), scheme, coresName(cores), backend),
							func(b *testing.B) { f(b, blob, cores) })
					}
				}
			}
		}
	}
}

func BenchmarkEncode2D(b *testing.B) {
	twodim(b, gf.Backends(), func(b *testing.B, blob work.Blob, cores int) {
		run(b, "memory=reused", func() (*work.Op, error) { return work.Encode2D(&arena, blob, cores) })
		run(b, "memory=fresh", func() (*work.Op, error) { return work.EncodeFresh2D(&arena, blob, cores) })
	})
}

func BenchmarkID2D(b *testing.B) {
	twodim(b, gf.Backends(), func(b *testing.B, blob work.Blob, cores int) {
		run(b, "op=id", func() (*work.Op, error) { return work.ID2D(&arena, blob, cores) })
	})
}

func BenchmarkDecode2D(b *testing.B) {
	checks := []struct {
		name  string
		check rs2d.Check
	}{{"none", rs2d.CheckNone}, {"systematic", rs2d.CheckSystematic}, {"strict", rs2d.CheckStrict}}
	twodim(b, gf.Backends()[:1], func(b *testing.B, blob work.Blob, cores int) {
		encoded, err := work.NewEncoded(&arena, blob)
		if err != nil {
			b.Fatal(err)
		}
		for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
			for _, c := range checks {
				name := fmt.Sprintf("from=%v/check=%s", axis, c.name)
				run(b, name+"/memory=reused", func() (*work.Op, error) { return encoded.Decode(axis, c.check, cores) })
				run(b, name+"/memory=fresh", func() (*work.Op, error) { return encoded.DecodeFresh(axis, c.check, cores) })
			}
		}
	})
}

func BenchmarkRecover2D(b *testing.B) {
	twodim(b, gf.Backends()[:1], func(b *testing.B, blob work.Blob, cores int) {
		encoded, err := work.NewEncoded(&arena, blob)
		if err != nil {
			b.Fatal(err)
		}
		for _, proofs := range []bool{true, false} {
			run(b, fmt.Sprintf("op=pair/proofs=%v", proofs), func() (*work.Op, error) { return encoded.Recover(!proofs, cores) })
			run(b, fmt.Sprintf("op=symbol/proofs=%v", proofs), func() (*work.Op, error) { return encoded.Help(proofs, cores) })
		}
	})
}

func BenchmarkSquare(b *testing.B) {
	for _, width := range []int{128, 256, 512} {
		for i, codec := range []rsmt2d.Codec{rsmt2d.NewLeoRSCodec(), rsmt2dcodec.New()} {
			name := fmt.Sprintf("width=%d/codec=%s", width, []string{"rsmt2d", "redstuff"}[i])
			run(b, name+"/op=extend", func() (*work.Op, error) { return work.ExtendSquare(&arena, codec, width), nil })
			run(b, name+"/op=repair", func() (*work.Op, error) { return work.RepairSquare(&arena, codec, width) })
		}
	}
}
