package rs2d

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
)

// FuzzDecode takes metadata and slivers from bytes: the number of shards, the check,
// the length, then slivers. Where the metadata is of a blob no other bytes come back.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 0, 5, 0}, []byte{0, 0, 0, 0, 1, 0, 1, 1})
	f.Add([]byte{3, 1, 33, 1}, []byte{0, 9, 0, 1, 8, 0, 0, 3, 7, 1, 3, 0, 0, 1, 0})
	f.Add([]byte{9, 2, 200, 2}, bytes.Repeat([]byte{1, 2, 0, 0, 3, 0}, 12))
	codes := map[int]*Code{}
	f.Fuzz(func(t *testing.T, head, body []byte) {
		if len(head) < 4 {
			return
		}
		n := 4 + int(head[0])%13
		c := codes[n]
		if c == nil {
			c = newCode(t, n)
			codes[n] = c
		}
		check := Check(head[1] % 4)
		length := int(head[2])
		blob := pattern(length, int(head[3]))
		e, err := c.Encode(blob)
		if err != nil {
			t.Fatal(err)
		}
		meta := *e.Metadata()
		honest := true
		switch head[3] % 4 {
		case 2: // another length, maybe a large one
			meta.Length = uint64(head[0])<<(head[1]%64) + uint64(head[2])
			honest = false
		case 3: // another root
			meta.Primary = append([]commit.Hash(nil), meta.Primary...)
			meta.Primary[int(head[1])%n][0] ^= 1
			honest = false
		}
		var slivers []Sliver
		right := true
		for ; len(body) >= 3; body = body[3:] {
			ref := SliverRef{Axis(body[0] % 3), int(body[1])%(n+2) - 1}
			s := Sliver{ref, body}
			if ref.Axis <= Secondary && ref.Index >= 0 && ref.Index < n {
				s = e.Sliver(ref)
			}
			switch body[2] % 4 {
			case 2:
				s.Data, right = append([]byte{s.Data[0] ^ 1}, s.Data[1:]...), false
			case 3:
				s.Data = s.Data[1:]
			}
			slivers = append(slivers, s)
		}
		got, err := c.Decode(&meta, slivers, check)
		var few *NotEnoughError
		var inconsistent *InconsistentError
		var large *commit.TooLargeError
		switch {
		case err == nil && uint64(len(got)) != meta.Length:
			t.Fatalf("%d bytes for a length of %d", len(got), meta.Length)
		case err == nil && honest && (right || check != CheckNone) && !bytes.Equal(got, blob):
			t.Fatal("wrong bytes")
		case err == nil && check == CheckStrict && !honest:
			if again, err := c.NewEncoder().Commit(got); err != nil || !reflect.DeepEqual(again, &meta) {
				t.Fatal("a strict check let bytes pass that do not give the metadata")
			}
		case err == nil, errors.As(err, &few), errors.As(err, &large):
		case errors.Is(err, ErrCheck) && check > CheckNone:
		case errors.As(err, &inconsistent) && !honest:
			if err := c.VerifyInconsistency(&meta, inconsistent.Proof); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatal(err)
		}
	})
}

func FuzzParseSliver(f *testing.F) {
	c := newCode(f, 10, WithScheme(commit.Walrus))
	v := fullVectors(f)[0]
	meta, err := c.NewEncoder().Commit(v.blob())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(0), unhex(f, v.BCS.Primary))
	f.Add(uint8(1), unhex(f, v.BCS.Secondary))
	f.Add(uint8(2), []byte{0xff, 0xff, 0xff, 0xff, 0x07})
	f.Fuzz(func(t *testing.T, axis uint8, data []byte) {
		s, err := ParseSliver(meta, Axis(axis), data)
		if err != nil {
			return
		}
		if again, err := s.AppendBCS(nil, v.SymbolSize); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("read %x, wrote %x, %v", data, again, err)
		}
		if err := c.VerifySliver(meta, s); err != nil && !errors.Is(err, ErrRoot) {
			t.Fatal(err)
		}
	})
}

func FuzzParseSymbol(f *testing.F) {
	c := newCode(f, 10, WithScheme(commit.Walrus))
	v := fullVectors(f)[0]
	meta, err := c.NewEncoder().Commit(v.blob())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(0), uint8(9), unhex(f, v.BCS.FromSecondary))
	f.Add(uint8(1), uint8(0), unhex(f, v.BCS.FromPrimary))
	f.Add(uint8(1), uint8(0), []byte{3, 0, 2, 1, 2, 0})
	f.Fuzz(func(t *testing.T, axis, index uint8, data []byte) {
		want := SliverRef{Axis(axis), int(index)}
		s, err := ParseSymbol(meta, want, data)
		cut, rest, cutErr := CutSymbol(meta, want, data)
		if (err == nil) != (cutErr == nil && len(rest) == 0) || err == nil && !reflect.DeepEqual(cut, s) {
			t.Fatalf("parsed %+v, %v, and cut %+v, %v before %x", s, err, cut, cutErr, rest)
		}
		if cutErr == nil {
			if again, err := cut.AppendBCS(nil); err != nil || !bytes.Equal(append(again, rest...), data) {
				t.Fatalf("cut from %x, wrote %x, %v, before %x", data, again, err, rest)
			}
		}
		if err != nil {
			return
		}
		if again, err := s.AppendBCS(nil); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("read %x, wrote %x, %v", data, again, err)
		}
		var refused *SymbolError
		if err := c.VerifySymbol(meta, s); err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		if _, err := c.Recover(meta, want, []Symbol{s}); err == nil {
			t.Fatal("a sliver from one symbol")
		}
	})
}

func FuzzParseInconsistency(f *testing.F) {
	c := newCode(f, 4)
	blob := pattern(30, 1)
	m := newNaive(f, c, blob)
	honest := m.metadata(30)
	m.view[Primary][3][0][0] ^= 1
	lying := m.metadata(30)
	if _, err := c.Decode(lying, ofAxis(allSlivers(m), Secondary), CheckStrict); err != nil {
		var inconsistent *InconsistentError
		if !errors.As(err, &inconsistent) {
			f.Fatal(err)
		}
		data, err := inconsistent.Proof.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	single := &InconsistencyProof{Target: SliverRef{Primary, 0}, Symbols: []Symbol{m.symbol(SliverRef{Primary, 0}, 1)}}
	data, err := single.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte{0, 1, 0, 0xff, 0xff, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseInconsistencyProof(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if again, err := p.MarshalBinary(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("read %x, wrote %x, %v", data, again, err)
		}
		if c.VerifyInconsistency(honest, p) == nil {
			t.Fatal("an honest blob is inconsistent")
		}
		// Any verdict, but no panic.
		_ = c.VerifyInconsistency(lying, p)
	})
}

// TestInconsistencyProofForm writes and reads proofs of every kind.
func TestInconsistencyProofForm(t *testing.T) {
	c := newCode(t, 7)
	m := newNaive(t, c, pattern(200, 1))
	p := &InconsistencyProof{Target: SliverRef{Secondary, 5}}
	for i := range c.params.P {
		from, along := SliverRef{Primary, i}, 5
		if i == 1 {
			from, along = SliverRef{Secondary, 5}, 1
		}
		p.Symbols = append(p.Symbols, m.symbol(from, along))
	}
	data, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseInconsistencyProof(data)
	if err != nil || !reflect.DeepEqual(back, p) {
		t.Fatalf("%v, %v", back, err)
	}
	for i := range data {
		if _, err := ParseInconsistencyProof(data[:i]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
	for name, tt := range map[string]struct {
		edit func(p *InconsistencyProof)
		want error
	}{
		"axis":         {func(p *InconsistencyProof) { p.Target.Axis = 2 }, ErrAxis},
		"index":        {func(p *InconsistencyProof) { p.Target.Index = 1 << 16 }, ErrIndex},
		"proof's axis": {func(p *InconsistencyProof) { p.Symbols[0].ProofAxis = 2 }, ErrAxis},
		"elsewhere":    {func(p *InconsistencyProof) { p.Symbols[0].Col++ }, ErrElsewhere},
	} {
		q := &InconsistencyProof{p.Target, append([]Symbol(nil), p.Symbols...)}
		tt.edit(q)
		if _, err := q.MarshalBinary(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}
