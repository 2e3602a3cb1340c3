package conformance

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/quilt"
)

// TestQuilt compares quilts with those of the SDK, byte for byte, and reads the SDK's.
func TestQuilt(t *testing.T) {
	j := newJudge(t)
	random := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{4, 7, 10, 31, 100, 300, 1000} {
		p, err := commit.NewParams(n)
		if err != nil {
			t.Fatal(err)
		}
		for _, count := range []int{1, 2, 5, 30, 66, 199, 666} {
			if count > p.S-1 {
				continue
			}
			t.Run(fmt.Sprintf("%d shards, %d files", n, count), func(t *testing.T) {
				files := someFiles(random, count)
				request := make([]map[string]any, count)
				for i, f := range files {
					request[i] = map[string]any{"identifier": f.Identifier, "data": f.Data, "tags": f.Tags}
				}
				var theirs struct {
					Data    []byte
					Patches []struct {
						Identifier string
						Start, End int
					}
				}
				if err := j.ask(map[string]any{"operation": "quilt", "shards": n, "files": request}, &theirs); err != nil {
					t.Fatal(err)
				}
				blob, patches, err := quilt.Encode(p, files)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(blob, theirs.Data) {
					t.Errorf("quilt of %d bytes differs from the SDK's of %d", len(blob), len(theirs.Data))
				}
				for i, patch := range patches {
					if want := theirs.Patches[i]; patch.Identifier != want.Identifier || patch.Start != want.Start || patch.End != want.End {
						t.Fatalf("patch %+v, want %+v", patch, want)
					}
				}
				r, err := quilt.NewReader(p, uint64(len(theirs.Data)), quilt.ColumnsOf(p, theirs.Data))
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range files {
					patch, err := r.Find(context.Background(), f.Identifier)
					if err != nil {
						t.Fatal(err)
					}
					got, err := r.Read(context.Background(), patch.Start, patch.End)
					if err != nil || got.Identifier != f.Identifier || !maps.Equal(got.Tags, f.Tags) || !bytes.Equal(got.Data, f.Data) {
						t.Fatalf("read %+v (%v), packed %+v", got, err, f)
					}
				}
			})
		}
	}
}

// someFiles returns files of up to some kilobytes, a few of them empty or long.
func someFiles(random *rand.Rand, count int) []quilt.File {
	files := make([]quilt.File, count)
	for i := range files {
		length := random.IntN(3000)
		switch random.IntN(8) {
		case 0:
			length = 0
		case 1:
			length = random.IntN(60_000)
		}
		f := quilt.File{Identifier: fmt.Sprintf("%x/ä %d", random.Uint32(), i), Data: make([]byte, length)}
		for j := range f.Data {
			f.Data[j] = byte(random.Uint32())
		}
		for range random.IntN(4) {
			if f.Tags == nil {
				f.Tags = make(map[string]string)
			}
			f.Tags[strings.Repeat("k", random.IntN(5)+1)+fmt.Sprint(random.IntN(9))] = fmt.Sprint(random.Uint32())
		}
		files[i] = f
	}
	return files
}
