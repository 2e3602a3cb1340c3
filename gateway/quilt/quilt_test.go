package quilt

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
)

func params(t testing.TB, n int) commit.Params {
	t.Helper()
	p, err := commit.NewParams(n)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestExample is the worked example of the format, computed by hand: n = 7, a file with
// and one without tags.
func TestExample(t *testing.T) {
	const want = "010f00000001620101060000010d000001016b0100020300016b0176000002000001020076796f00016100050000000001616869" +
		"0162050000000000"
	p := params(t, 7)
	blob, patches, err := Encode(p, []File{
		{Identifier: "b", Tags: map[string]string{"k": "v"}, Data: []byte("yo")},
		{Identifier: "a", Data: []byte("hi")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(blob); got != want {
		t.Errorf("blob\n%s, want\n%s", got, want)
	}
	if len(patches) != 2 || patches[0].Start != 2 || patches[0].End != 3 || patches[1].Start != 3 || patches[1].End != 5 {
		t.Errorf("patches %+v, want a in [2, 3) and b in [3, 5)", patches)
	}
	if size, err := p.SymbolSize(uint64(len(blob))); err != nil || size != 4 {
		t.Errorf("the code takes symbols of %d bytes (%v), want 4", size, err)
	}
}

func TestPatchID(t *testing.T) {
	var quilt commit.BlobID
	for i := range quilt {
		quilt[i] = byte(i)
	}
	id := Patch{Start: 1, End: 513}.ID(quilt)
	const want = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8BAQABAg"
	if got := id.String(); got != want {
		t.Errorf("id %s, want %s", got, want)
	}
	if got, err := ParsePatchID(want); err != nil || got != id {
		t.Errorf("parsed %+v, %v; want %+v", got, err, id)
	}
	for _, test := range []struct{ name, id string }{
		{"empty", ""},
		{"a blob id", quilt.String()},
		{"too long", want + "A"},
		{"padding", want[:len(want)-2] + "=="},
		{"bits left over", want[:len(want)-1] + "h"},
		{"other version", strings.Replace(want, "BAQABAg", "CAQABAg", 1)},
		{"no columns", PatchID{quilt, 5, 5}.String()},
		{"backwards", PatchID{quilt, 5, 4}.String()},
	} {
		if _, err := ParsePatchID(test.id); !errors.Is(err, ErrPatchID) {
			t.Errorf("%s: error %v, want ErrPatchID", test.name, err)
		}
	}
}

// TestOrder: files are in the order of the bytes of their identifiers, where UTF-16 has another, and
// tags in that of their keys with their lengths; identifiers may begin with what they may not end with.
func TestOrder(t *testing.T) {
	files := []File{
		{Identifier: "😀"}, {Identifier: "\uff5e", Tags: map[string]string{"aa": "1", "b": "2", "c": ""}},
		{Identifier: " b/a"}, {Identifier: "b"}, {Identifier: "B"},
	}
	blob, patches, err := Encode(params(t, 31), files)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range patches {
		got = append(got, p.Identifier)
		if p.End-p.Start < 1 {
			t.Errorf("%q, which is empty, has %d columns", p.Identifier, p.End-p.Start)
		}
	}
	if want := []string{" b/a", "B", "b", "\uff5e", "😀"}; !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	run, err := ColumnsOf(params(t, 31), blob)(t.Context(), 0, params(t, 31).S)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(run, []byte("\x03\x01b\x012\x01c\x00\x02aa\x011")) {
		t.Error("tags are not in the order b, c, aa")
	}
	// As many files as Walrus's mainnet takes, and one more.
	most := make([]File, 666)
	for i := range most {
		most[i].Identifier = string(rune('一' + i))
	}
	if _, patches, err := Encode(params(t, 1000), most); err != nil || len(patches) != 666 || patches[665].End > 667 {
		t.Errorf("666 files: %d patches (%v)", len(patches), err)
	}
	if _, _, err := Encode(params(t, 1000), append(most, File{Identifier: "one more"})); !errors.Is(err, ErrTooLarge) {
		t.Errorf("667 files: %v, want ErrTooLarge", err)
	}
}

// drawFiles draws files with identifiers of their own.
func drawFiles(t *rapid.T, most int) []File {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[ -~äß€😀]{0,20}[!-~€]`), 1, most, rapid.ID[string]).Draw(t, "names")
	files := make([]File, len(names))
	for i, name := range names {
		files[i] = File{
			Identifier: name,
			Tags:       rapid.MapOfN(rapid.StringN(0, 9, 30), rapid.StringN(0, 9, 30), 0, 3).Draw(t, "tags"),
			Data:       rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "data"),
		}
	}
	return files
}

// TestRoundTrip: what was packed comes out, by identifier and by columns; and symbols
// of two bytes less would be too small.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{4, 7, 10, 31, 100}).Draw(t, "n")
		p, err := commit.NewParams(n)
		if err != nil {
			t.Fatal(err)
		}
		files := drawFiles(t, min(p.S-1, 30))
		blob, patches, err := Encode(p, files)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		r, err := NewReader(p, uint64(len(blob)), ColumnsOf(p, blob))
		if err != nil {
			t.Fatal(err)
		}
		read, err := r.Patches(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(read, patches, func(a, b Patch) bool {
			return a.Identifier == b.Identifier && a.Start == b.Start && a.End == b.End && maps.Equal(a.Tags, b.Tags)
		}) {
			t.Fatalf("read the index %+v, wrote %+v", read, patches)
		}
		for _, f := range files {
			patch, err := r.Find(ctx, f.Identifier)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Read(ctx, patch.Start, patch.End)
			if err != nil {
				t.Fatal(err)
			}
			if got.Identifier != f.Identifier || !maps.Equal(got.Tags, f.Tags) || !bytes.Equal(got.Data, f.Data) {
				t.Fatalf("read %+v, packed %+v", got, f)
			}
		}
		if _, err := r.Find(ctx, "absent"+files[0].Identifier); !errors.Is(err, ErrNotFound) {
			t.Fatalf("an absent file: %v, want ErrNotFound", err)
		}
		sizes := []uint64{uint64(len(appendIndex(nil, patches)))}
		for _, patch := range patches {
			f := files[slices.IndexFunc(files, func(f File) bool { return f.Identifier == patch.Identifier })]
			identifier, tags, err := f.encodeNames()
			if err != nil {
				t.Fatal(err)
			}
			head, err := f.head(identifier, tags)
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, uint64(len(head)+len(f.Data)))
		}
		if got, want := r.symbol, leastSymbol(p, sizes); got != want {
			t.Fatalf("symbols of %d bytes, want %d", got, want)
		}
	})
}

// leastSymbol tries one symbol size after the other.
func leastSymbol(p commit.Params, sizes []uint64) int {
	for symbol := 1; ; symbol++ {
		column, used := symbol*p.P, 0
		for _, size := range sizes {
			used += (int(size) + column - 1) / column
		}
		if used <= p.S && int(sizes[0]) <= maxIndexColumns*column && column >= indexPrefix {
			return symbol + symbol&1
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	p := params(t, 7)
	many := make([]File, p.S)
	for i := range many {
		many[i].Identifier = string(rune('a' + i))
	}
	long := strings.Repeat("x", math.MaxUint16)
	var identifier *IdentifierError
	var size *SizeError
	for _, test := range []struct {
		name  string
		files []File
		is    error
		as    any
		says  string
	}{
		{"none", nil, ErrEmpty, nil, ""},
		{"too many", many, ErrTooLarge, &size, "5 files, and at most 4 fit"},
		{"twice", []File{{Identifier: "a"}, {Identifier: "b"}, {Identifier: "a"}}, nil, &identifier, "two files"},
		{"empty identifier", []File{{}}, nil, &identifier, "empty"},
		{"white space at the end", []File{{Identifier: "a\u2003"}}, nil, &identifier, "white space"},
		{"control character", []File{{Identifier: "a\x7fb"}}, nil, &identifier, "control"},
		{"not UTF-8", []File{{Identifier: "caf\xe9"}}, nil, &identifier, "UTF-8"},
		{"tag not UTF-8", []File{{Identifier: "a", Tags: map[string]string{"k": "\xff"}}}, nil, &identifier, "UTF-8"},
		{"long identifier", []File{{Identifier: long[:65532]}}, nil, &identifier, "longer"},
		{"long tags", []File{{Identifier: "a", Tags: map[string]string{"k": long}}}, ErrTooLarge, &size, "bytes of tags"},
		{"too large", []File{{Identifier: "a", Data: make([]byte, p.MaxBlob())}}, ErrTooLarge, &size, "bytes of index and files"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := Encode(p, test.files)
			switch {
			case err == nil:
				t.Fatal("no error")
			case test.is != nil && !errors.Is(err, test.is):
				t.Errorf("error %v, want %v", err, test.is)
			case test.as != nil && !errors.As(err, test.as):
				t.Errorf("error %v of type %T, want %T", err, err, test.as)
			case !strings.Contains(err.Error(), test.says):
				t.Errorf("error %v, want one that says %q", err, test.says)
			}
		})
	}
	// The longest identifier that there is room for.
	if _, _, err := Encode(params(t, 100), []File{{Identifier: long[:65531]}}); err != nil {
		t.Errorf("an identifier of 65,531 bytes: %v", err)
	}
}

// TestMalformed changes a good quilt in one place each.
func TestMalformed(t *testing.T) {
	p := params(t, 7)
	good, _, err := Encode(p, []File{
		{Identifier: "a", Data: []byte("hi")},
		{Identifier: "b", Tags: map[string]string{"k": "v", "l": "w"}, Data: []byte("yo")},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := newMatrix(p, len(good)/(p.P*p.S))
	run, err := ColumnsOf(p, good)(context.Background(), 0, p.S)
	if err != nil {
		t.Fatal(err)
	}
	patchA := bytes.Index(run, []byte{1, 'a', 'h', 'i'}) - patchPrefix - 2
	patchB := bytes.Index(run, []byte{1, 'l', 1, 'w', 'y', 'o'}) - 4 - 1 - 2 - 2 - 2 - patchPrefix
	for _, test := range []struct {
		name   string
		change func(run []byte)
		is     error
	}{
		{"another version", func(run []byte) { run[0] = 2 }, ErrNotQuilt},
		{"index of 4 GiB", func(run []byte) { binary.LittleEndian.PutUint32(run[1:], math.MaxUint32) }, ErrNotQuilt},
		{"index cut off", func(run []byte) { run[1]-- }, ErrMalformed},
		{"more patches than there is room for", func(run []byte) { run[indexPrefix] = 100 }, ErrMalformed},
		{"a patch that ends where it starts", func(run []byte) { run[indexPrefix+1] = 0 }, ErrMalformed},
		{"a patch beyond the matrix", func(run []byte) { run[indexPrefix+2] = 1 }, ErrMalformed},
		{"two patches of one identifier", func(run []byte) { run[bytes.IndexByte(run, 'b')] = 'a' }, ErrMalformed},
		{"control character in the index", func(run []byte) { run[bytes.IndexByte(run, 'a')] = '\n' }, ErrMalformed},
		{"tags out of order", func(run []byte) { run[bytes.IndexByte(run, 'k')] = 'm' }, ErrMalformed},
		{"patch of another version", func(run []byte) { run[patchA] = 0 }, ErrMalformed},
		{"patch longer than its columns", func(run []byte) { run[patchA+3] = 1 }, ErrMalformed},
		{"patch too short for its identifier", func(run []byte) { run[patchA+1] = 1 }, ErrMalformed},
		{"patch with an unknown mask", func(run []byte) { run[patchA+5] = 2 }, ErrMalformed},
		{"identifier longer than its part", func(run []byte) { run[patchA+8] = 2 }, ErrMalformed},
		{"identifier with bytes left over", func(run []byte) { run[patchB+6]++ }, ErrMalformed},
		{"tags longer than the patch", func(run []byte) { run[patchB+11] = 0xff }, ErrMalformed},
		{"tags of the patch out of order", func(run []byte) { run[patchB+14] = 'm' }, ErrMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			bad := slices.Clone(run)
			test.change(bad)
			copied := *m
			copied.blob = make([]byte, len(good))
			copied.write(0, bad)
			err := readAll(p, copied.blob)
			if !errors.Is(err, test.is) {
				t.Errorf("error %v, want %v", err, test.is)
			}
		})
	}
	if err := readAll(p, good); err != nil {
		t.Errorf("the quilt that nothing was changed of: %v", err)
	}
}

// readAll reads the index and every patch of a blob.
func readAll(p commit.Params, blob []byte) error {
	ctx := context.Background()
	r, err := NewReader(p, uint64(len(blob)), ColumnsOf(p, blob))
	if err != nil {
		return err
	}
	patches, err := r.Patches(ctx)
	if err != nil {
		return err
	}
	for _, patch := range patches {
		if _, err := r.Read(ctx, patch.Start, patch.End); err != nil {
			return err
		}
	}
	return nil
}

func TestReaderErrors(t *testing.T) {
	p := params(t, 7)
	for _, length := range []uint64{0, 1, 15, 29, 31, p.MaxBlob() + 1} {
		if _, err := NewReader(p, length, nil); !errors.Is(err, ErrNotQuilt) {
			t.Errorf("a blob of %d bytes: error %v, want ErrNotQuilt", length, err)
		}
	}
	blob, _, err := Encode(p, []File{{Identifier: "a", Data: []byte("hi")}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(p, uint64(len(blob)), ColumnsOf(p, blob))
	if err != nil {
		t.Fatal(err)
	}
	for _, columns := range [][2]int{{0, 1}, {2, 2}, {3, 2}, {-1, 2}, {2, p.S + 1}} {
		if _, err := r.Read(context.Background(), columns[0], columns[1]); !errors.Is(err, ErrMalformed) {
			t.Errorf("columns %v: error %v, want ErrMalformed", columns, err)
		}
	}
	broken := errors.New("broken")
	r, err = NewReader(p, uint64(len(blob)), func(context.Context, int, int) ([]byte, error) { return nil, broken })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Patches(context.Background()); !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the columns", err)
	}
}

// FuzzReader reads blobs of strangers: no panic, and a file that is read is not longer
// than its columns.
func FuzzReader(f *testing.F) {
	p := params(f, 7)
	blob, _, err := Encode(p, []File{{Identifier: "a", Data: []byte("hi")}, {Identifier: "b", Tags: map[string]string{"k": "v"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(blob, uint8(1), uint8(2))
	f.Add(make([]byte, 30), uint8(2), uint8(3))
	f.Fuzz(func(t *testing.T, blob []byte, start, end uint8) {
		r, err := NewReader(p, uint64(len(blob)), ColumnsOf(p, blob))
		if err != nil {
			return
		}
		ctx := context.Background()
		if patches, err := r.Patches(ctx); err == nil && len(patches) > p.S {
			t.Fatalf("%d patches in %d columns", len(patches), p.S)
		}
		file, err := r.Read(ctx, int(start), int(end))
		if err == nil && len(file.Data) > (int(end)-int(start))*r.column() {
			t.Fatalf("%d bytes in columns %d to %d", len(file.Data), start, end)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	p := params(b, 1000)
	files := make([]File, 600)
	total := 0
	for i := range files {
		files[i] = File{Identifier: string(rune('a'+i%26)) + string(rune('0'+i/26)), Data: make([]byte, 10<<10)}
		total += len(files[i].Data)
	}
	b.SetBytes(int64(total))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Encode(p, files); err != nil {
			b.Fatal(err)
		}
	}
}
