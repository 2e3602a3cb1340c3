package store

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

func drawIndex(t *rapid.T) blobIndex {
	x := blobIndex{
		inserted: rapid.Int64Range(0, 1<<40).Draw(t, "inserted"),
		end:      rapid.Uint32().Draw(t, "end"),
		writer:   rapid.StringN(-1, -1, 40).Draw(t, "writer"),
	}
	for _, r := range rapid.SliceOfNDistinct(rapid.Byte(), 0, 4, rapid.ID).Draw(t, "records") {
		x.setRecord(Record(r), rapid.Int64Range(0, maxLength).Draw(t, "size"))
	}
	files := rapid.SliceOfN(rapid.Uint64Min(1), 1, 3).Draw(t, "files")
	for range rapid.IntRange(0, 10).Draw(t, "slivers") {
		s := indexedSliver{mark: rapid.ByteRange(0, lastMark).Draw(t, "mark")}
		s.Axis, s.Pair = rs2d.Axis(rapid.IntRange(0, 1).Draw(t, "axis")), rapid.IntRange(0, commit.MaxShards-1).Draw(t, "pair")
		s.Size = rapid.Int64Range(0, maxLength).Draw(t, "size")
		if rapid.Bool().Draw(t, "in a file") {
			s.file, s.off = rapid.SampledFrom(files).Draw(t, "file"), rapid.Int64Range(0, maxLength).Draw(t, "off")
		}
		x.set(s)
	}
	return x
}

func TestIndexReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := drawIndex(t)
		got, err := parseIndex(x.value())
		if err != nil || !reflect.DeepEqual(got, x) {
			t.Fatalf("got %+v, %v, want %+v", got, err, x)
		}
	})
}

// TestIndexFormat holds the bytes of one index.
func TestIndexFormat(t *testing.T) {
	x := blobIndex{inserted: 300, end: 7, writer: "w"}
	x.setRecord(Metadata, 5)
	x.set(indexedSliver{Entry: Entry{Ref: Ref{Axis: rs2d.Secondary, Pair: 1}, Size: 200}, file: 0x0102030405060708, off: 3})
	x.set(indexedSliver{Entry: Entry{Ref: Ref{Pair: 2}, Size: 4}, mark: markWrong})
	want := []byte{
		0xac, 2, 7, 1, 'w', // time, end, writer
		1, 'b', 5, // records
		1, 8, 7, 6, 5, 4, 3, 2, 1, // files
		2, 4, 2, 4, 0, 1, 1, 0xc8, 1, 1, 3, // slivers
	}
	if got := x.value(); !bytes.Equal(got, want) {
		t.Fatalf("got % x, want % x", got, want)
	}
}

func FuzzIndex(f *testing.F) {
	x := blobIndex{inserted: 300, end: 7, writer: "w"}
	x.setRecord(Metadata, 5)
	x.set(indexedSliver{Entry: Entry{Ref: Ref{Axis: rs2d.Secondary, Pair: 1}, Size: 200}, file: 9, off: 3})
	f.Add(x.value())
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0xff, 0xff, 0xff, 0xff, 0xf})
	f.Fuzz(func(t *testing.T, value []byte) {
		x, err := parseIndex(value)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		again, err := parseIndex(x.value())
		if err != nil || !reflect.DeepEqual(again, x) {
			t.Fatalf("got %+v, %v, want %+v", again, err, x)
		}
	})
}

func FuzzPlace(f *testing.F) {
	p := place{file: 3, off: 5, size: blockSize + 1, sums: []uint32{1, 2}}
	f.Add(p.value())
	f.Add(markedValue(inlineValue([]byte("data")), markWrong))
	f.Fuzz(func(t *testing.T, value []byte) {
		p, err := parsePlace(value)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if p.file != 0 {
			if got := p.value(); !bytes.Equal(got, value) {
				t.Fatalf("got % x, want % x", got, value)
			}
		} else if p.size != int64(len(p.inline)) || len(p.sums) != 1 {
			t.Fatalf("got %+v", p)
		}
		marked, err := parsePlace(markedValue(value, markUnreadable))
		if err != nil || marked.mark != markUnreadable || marked.size != p.size || !slices.Equal(marked.sums, p.sums) {
			t.Fatalf("marked: got %+v, %v", marked, err)
		}
	})
}

func FuzzOwner(f *testing.F) {
	f.Add(Owner{Node: "abc", System: "BLAKE3", Shards: 100}.text())
	f.Add("redstuff store 1\n")
	f.Add(formatVersion + "\n\n\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseOwner(text)
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		again, err := parseOwner(o.text())
		if err != nil || again != o {
			t.Fatalf("got %+v, %v, want %+v", again, err, o)
		}
	})
}

func FuzzFileName(f *testing.F) {
	f.Add(fileName(commit.BlobID{1}, 5))
	f.Add("x.slivers")
	f.Fuzz(func(t *testing.T, name string) {
		if id, number, ok := parseFileName(name); ok && fileName(id, number) != name {
			t.Fatalf("%q is not %q", fileName(id, number), name)
		}
	})
}

// TestKeysOrder has keys in the order of what they are of, shard by shard.
func TestKeysOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() (shard int, id commit.BlobID, axis rs2d.Axis) {
			copy(id[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "id"))
			return rapid.IntRange(0, commit.MaxShards-1).Draw(t, "shard"), id, rs2d.Axis(rapid.IntRange(0, 1).Draw(t, "axis"))
		}
		sa, ia, xa := draw()
		sb, ib, xb := draw()
		a, b := sliverKey(sa, ia, xa), sliverKey(sb, ib, xb)
		if len(a) != sliverKeySize || blobOfSliverKey(a) != ia {
			t.Fatalf("key % x of %v", a, ia)
		}
		if sa != sb && (bytes.Compare(a, b) < 0) != (sa < sb) {
			t.Fatalf("shards %d and %d are out of order", sa, sb)
		}
		inside := bytes.Compare(b, shardPrefix(sa)) >= 0 && bytes.Compare(b, after(shardPrefix(sa))) < 0
		if inside != (sa == sb) {
			t.Fatalf("a key of shard %d is in the range of shard %d: %v", sb, sa, inside)
		}
		_ = xb
	})
}
