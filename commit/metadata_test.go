package commit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/crypto/blake2b"
	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/internal/bcs"
)

// randomMetadata returns metadata of n shards.
func randomMetadata(s Scheme, n int, length uint64) *Metadata {
	return &Metadata{Scheme: s, Length: length, Primary: randomHashes(n, 60), Secondary: randomHashes(n, 61)}
}

// sameMetadata compares field by field.
func sameMetadata(a, b *Metadata) bool {
	return a.Scheme == b.Scheme && a.Length == b.Length &&
		slices.Equal(a.Primary, b.Primary) && slices.Equal(a.Secondary, b.Secondary)
}

// oracleID is the blob id's definition, on other people's hash functions.
func oracleID(m *Metadata) BlobID {
	n := len(m.Primary)
	leaves := make([]Hash, n)
	for p := range leaves {
		leaves[p] = oraclePair(m.Scheme, append(m.Primary[p][:], m.Secondary[n-1-p][:]...))
	}
	root := oracleRoot(m.Scheme, leaves)
	input := []byte{1}
	if m.Scheme == BLAKE3 {
		input = binary.LittleEndian.AppendUint16(input, uint16(n))
	}
	input = binary.LittleEndian.AppendUint64(input, m.Length)
	return BlobID(oracle(m.Scheme, "redstuff v1 blob", nil, input, root[:]))
}

func TestVectorMetadata(t *testing.T) {
	forEachWalrus(t, func(t *testing.T, h *Hasher) {
		checked := 0
		for _, v := range readVectors(t) {
			if !v.complete() {
				continue
			}
			checked++
			m := v.metadata()
			if root, err := m.Root(h); err != nil || root != Hash(v.MetadataRoot) {
				t.Fatalf("%s: root %v, %v; want %x", v.name(), root, err, v.MetadataRoot)
			}
			if id, err := m.ID(h); err != nil || id != BlobID(v.BlobID) {
				t.Fatalf("%s: id %v, %v; want %s", v.name(), id, err, v.BlobIDText)
			}
			var roots []byte
			for p := range m.Shards() {
				primary, secondary := m.Pair(p)
				roots = append(append(roots, primary[:]...), secondary[:]...)
			}
			if sum := blake2b.Sum256(roots); !bytes.Equal(sum[:], v.AllHashes) {
				t.Errorf("%s: the pairs' roots differ", v.name())
			}
			data, err := m.MarshalBinary()
			if sum := blake2b.Sum256(data); err != nil || !bytes.Equal(sum[:], v.MetadataHash) {
				t.Errorf("%s: BCS %x, %v", v.name(), data, err)
			}
			if back, err := ParseMetadata(data, Walrus); err != nil || !sameMetadata(back, m) {
				t.Errorf("%s: ParseMetadata: %v", v.name(), err)
			}
			if v.BCS.Metadata == nil {
				continue
			}
			if !bytes.Equal(data, v.BCS.Metadata) {
				t.Errorf("%s: BCS %x, want %x", v.name(), data, v.BCS.Metadata)
			}
			if got, err := m.AppendWithID(nil, h); err != nil || !bytes.Equal(got, v.BCS.MetadataWithID) {
				t.Errorf("%s: with id %x, %v", v.name(), got, err)
			}
			if back, id, err := ParseWithID(v.BCS.MetadataWithID, h); err != nil || id != BlobID(v.BlobID) || !sameMetadata(back, m) {
				t.Errorf("%s: ParseWithID: %v, %v", v.name(), id, err)
			}
		}
		if checked < 10 {
			t.Fatalf("only %d complete vectors", checked)
		}
	})
}

func TestMetadataID(t *testing.T) {
	forEachHasher(t, func(t *testing.T, h *Hasher) {
		for _, n := range []int{4, 5, 7, 10, 33, 100} {
			m := randomMetadata(h.Scheme(), n, 12345)
			if id, err := m.ID(h); err != nil || id != oracleID(m) {
				t.Errorf("n = %d: id %v, %v; want %v", n, id, err, oracleID(m))
			}
		}
	})
}

func TestMetadataForms(t *testing.T) {
	hashers := map[Scheme]*Hasher{BLAKE3: mustHasher(t, BLAKE3, ""), Walrus: mustHasher(t, Walrus, "")}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]Scheme{BLAKE3, Walrus}).Draw(t, "scheme")
		n := rapid.IntRange(MinShards, 300).Draw(t, "n")
		params, err := NewParams(n)
		if err != nil {
			t.Fatal(err)
		}
		m := randomMetadata(s, n, rapid.Uint64Range(0, params.MaxBlob()).Draw(t, "length"))
		if rapid.Bool().Draw(t, "an empty root") {
			m.Secondary[n/2] = Hash{}
		}

		data, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		back := &Metadata{Scheme: s}
		if err := back.UnmarshalBinary(data); err != nil || !sameMetadata(back, m) {
			t.Fatalf("UnmarshalBinary: %v", err)
		}
		if len(data) > m.encodedSize() {
			t.Fatalf("%d bytes, more than the %d foreseen", len(data), m.encodedSize())
		}
		file, err := m.AppendFile([]byte("before"), hashers[s])
		if err != nil {
			t.Fatal(err)
		}
		file, ok := bytes.CutPrefix(file, []byte("before"))
		back, id, err := ParseFile(file)
		if !ok || err != nil || !sameMetadata(back, m) || id != oracleID(m) {
			t.Fatalf("ParseFile: id %v, %v", id, err)
		}
	})
}

// TestEveryChangedBitIsNoticed flips each bit of a metadata file in turn.
func TestEveryChangedBitIsNoticed(t *testing.T) {
	for _, s := range []Scheme{BLAKE3, Walrus} {
		t.Run(s.String(), func(t *testing.T) {
			file, err := randomMetadata(s, 5, 1000).AppendFile(nil, mustHasher(t, s, ""))
			if err != nil {
				t.Fatal(err)
			}
			for bit := range 8 * len(file) {
				file[bit/8] ^= 1 << (bit % 8)
				if m, _, err := ParseFile(file); err == nil || m != nil {
					t.Errorf("bit %d of byte %d: %v", bit%8, bit/8, err)
				}
				file[bit/8] ^= 1 << (bit % 8)
			}
			for size := range file {
				if _, _, err := ParseFile(file[:size]); !errors.Is(err, ErrMalformed) {
					t.Errorf("cut to %d bytes: %v", size, err)
				}
			}
			if _, _, err := ParseFile(append(file, 0)); !errors.Is(err, bcs.ErrTrailing) {
				t.Errorf("a byte too many: %v", err)
			}
		})
	}
}

func TestParseWithIDMismatch(t *testing.T) {
	h := mustHasher(t, Walrus, "")
	m := randomMetadata(Walrus, 7, 100)
	data, err := m.AppendWithID(nil, h)
	if err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint64(data[HashSize+2:], 900000) // a lying length
	_, _, err = ParseWithID(data, h)
	var e *IDMismatchError
	if !errors.Is(err, ErrIDMismatch) || !errors.As(err, &e) {
		t.Fatalf("ParseWithID: %v", err)
	}
	honest, err := m.ID(h)
	if err != nil {
		t.Fatal(err)
	}
	m.Length = 900000
	if lying, err := m.ID(h); err != nil || e.Claimed != honest || e.Computed != lying {
		t.Errorf("evidence %+v", e)
	}
}

func TestParseMetadataRefuses(t *testing.T) {
	good, err := randomMetadata(BLAKE3, 4, 50).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	head := func(length uint64, n ...byte) []byte {
		return append(binary.LittleEndian.AppendUint64([]byte{0, 1}, length), n...)
	}
	change := func(at int, value byte) []byte {
		data := bytes.Clone(good)
		data[at] = value
		return data
	}
	asShards := func(err error) bool { var e *ShardCountError; return errors.As(err, &e) }
	asLength := func(err error) bool { var e *TooLargeError; return errors.As(err, &e) }
	is := func(target error) func(error) bool {
		return func(err error) bool { return errors.Is(err, target) }
	}
	tests := []struct {
		name string
		data []byte
		want func(error) bool
	}{
		{"nothing", nil, is(bcs.ErrTruncated)},
		{"unknown version", change(0, 1), is(bcs.ErrUnknownVariant)},
		{"encoding below RS2", change(1, 0), is(bcs.ErrUnknownVariant)},
		{"encoding above RS2", change(1, 2), is(bcs.ErrUnknownVariant)},
		{"unknown node", change(11, 2), is(bcs.ErrUnknownVariant)},
		{"trailing byte", append(bytes.Clone(good), 0), is(bcs.ErrTrailing)},
		{"last byte missing", good[:len(good)-1], is(bcs.ErrTruncated)},
		{"zero digest", slices.Concat(good[:12], make([]byte, HashSize), good[12+HashSize:]), is(bcs.ErrNotCanonical)},
		{"long form of the count", slices.Concat(good[:10], []byte{0x84, 0}, good[11:]), is(bcs.ErrNotCanonical)},
		{"three shards", head(0, 3), asShards},
		{"no shards", head(0, 0), asShards},
		{"too many shards", head(0, 0x84, 0x80, 0x03), is(bcs.ErrTooLong)},
		{"huge count", head(0, 0xff, 0xff, 0xff, 0xff, 0x07), is(bcs.ErrTooLong)},
		{"roots that are not there", append(head(0, 0x83, 0x80, 0x03), make([]byte, 100)...), is(bcs.ErrTruncated)},
		{"blob too long", append(head(393205, 4), good[11:]...), asLength},
		{"endless blob", append(head(math.MaxUint64, 4), good[11:]...), asLength},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := ParseMetadata(tt.data, BLAKE3)
			if !errors.Is(err, ErrMalformed) || !tt.want(err) || m != nil {
				t.Errorf("ParseMetadata = %v, %v", m, err)
			}
			kept := Metadata{Length: 77}
			if err := kept.UnmarshalBinary(tt.data); err == nil || kept.Length != 77 {
				t.Errorf("UnmarshalBinary = %v, metadata %v", err, kept)
			}
		})
	}
	if _, err := ParseMetadata(append(head(393204, 4), good[11:]...), BLAKE3); err != nil {
		t.Errorf("the longest blob: %v", err)
	}
}

func TestMetadataValidate(t *testing.T) {
	h := mustHasher(t, BLAKE3, "")
	var shards *ShardCountError
	var length *TooLargeError
	var unknown *UnknownSchemeError
	tests := []struct {
		name   string
		change func(m *Metadata)
		want   func(err error) bool
	}{
		{"scheme", func(m *Metadata) { m.Scheme = 2 }, func(err error) bool { return errors.As(err, &unknown) }},
		{"a root missing", func(m *Metadata) { m.Secondary = m.Secondary[1:] }, func(err error) bool { return errors.Is(err, ErrMetadata) }},
		{"no roots", func(m *Metadata) { m.Primary, m.Secondary = nil, nil }, func(err error) bool { return errors.As(err, &shards) }},
		{"length", func(m *Metadata) { m.Length = 393205 }, func(err error) bool { return errors.As(err, &length) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := randomMetadata(BLAKE3, 4, 393204)
			if err := m.Validate(); err != nil {
				t.Fatal(err)
			}
			tt.change(m)
			_, idErr := m.ID(h)
			_, marshalErr := m.MarshalBinary()
			_, fileErr := m.AppendFile(nil, h)
			for _, err := range []error{m.Validate(), idErr, marshalErr, fileErr} {
				if err == nil || !tt.want(err) {
					t.Errorf("unexpected error %v", err)
				}
			}
		})
	}
	if _, err := ParseMetadata(nil, 2); !errors.As(err, &unknown) {
		t.Errorf("ParseMetadata of scheme 2: %v", err)
	}
	if _, _, err := ParseFile([]byte{2}); !errors.As(err, &unknown) || !errors.Is(err, ErrMalformed) {
		t.Errorf("ParseFile of scheme 2: %v", err)
	}
}

func TestHasherOfAnotherScheme(t *testing.T) {
	m := randomMetadata(BLAKE3, 4, 10)
	var e *SchemeError
	if _, err := m.ID(mustHasher(t, Walrus, "")); !errors.As(err, &e) || e.Metadata != BLAKE3 || e.Hasher != Walrus {
		t.Errorf("ID: %v", err)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	m := randomMetadata(BLAKE3, 4, 10)
	c := m.Clone()
	if !reflect.DeepEqual(c, m) {
		t.Fatalf("the clone is %v, want %v", c, m)
	}
	c.Primary[0][0] ^= 1
	c.Secondary[3][31] ^= 1
	if m.Primary[0] == c.Primary[0] || m.Secondary[3] == c.Secondary[3] {
		t.Error("the clone changed, and the metadata with it")
	}
}

func TestPairPanics(t *testing.T) {
	m := randomMetadata(BLAKE3, 4, 10)
	mustPanic(t, func() { m.Pair(4) })
	mustPanic(t, func() { m.Pair(-1) })
}

func FuzzParseMetadata(f *testing.F) {
	for _, n := range []int{4, 5, 10} {
		m := randomMetadata(Walrus, n, 100)
		m.Primary[1] = Hash{}
		data, err := m.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0x03})
	hashers := []*Hasher{mustHasher(f, BLAKE3, ""), mustHasher(f, Walrus, "")}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, h := range hashers {
			m, err := ParseMetadata(data, h.Scheme())
			if err != nil {
				if !errors.Is(err, ErrMalformed) {
					t.Fatal(err)
				}
				continue
			}
			if again, err := m.MarshalBinary(); err != nil || !bytes.Equal(again, data) {
				t.Fatalf("read %x, wrote %x, %v", data, again, err)
			}
			file, err := m.AppendFile(nil, h)
			if err != nil {
				t.Fatal(err)
			}
			if back, id, err := ParseFile(file); err != nil || id != oracleID(m) || !sameMetadata(back, m) {
				t.Fatalf("ParseFile: id %v, %v", id, err)
			}
		}
		// The same bytes as a file: whatever is accepted is written alike.
		if m, _, err := ParseFile(data); err == nil {
			if again, err := m.AppendFile(nil, hashers[m.Scheme]); err != nil || !bytes.Equal(again, data) {
				t.Fatalf("file %x, written again %x, %v", data, again, err)
			}
		}
	})
}

func BenchmarkMetadata(b *testing.B) {
	for _, s := range []Scheme{BLAKE3, Walrus} {
		h := mustHasher(b, s, "")
		m := randomMetadata(s, 1000, 1<<25)
		data, err := m.AppendWithID(nil, h)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(s.String()+"/"+h.Backend()+"/ParseWithID", func(b *testing.B) {
			for b.Loop() {
				if _, _, err := ParseWithID(data, h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
