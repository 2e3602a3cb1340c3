package rs2d

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// TestRecover recovers every sliver of every shape from symbols without proofs.
func TestRecover(t *testing.T) {
	eachShape(t, func(t *testing.T, c *Code, blob []byte) {
		m := newNaive(t, c, blob)
		meta := m.metadata(len(blob))
		for _, want := range allSlivers(m) {
			k := sourceSymbols(c.params, want.Axis)
			line := m.line(want.SliverRef)
			for _, first := range []int{0, 1, c.params.N - k} {
				var symbols []Symbol
				for i := first; i < first+k; i++ {
					s := symbolOf(want.SliverRef, i)
					s.Data = line[i]
					symbols = append(symbols, s)
				}
				slices.Reverse(symbols)
				got, err := c.Recover(meta, want.SliverRef, symbols)
				if err != nil || got.SliverRef != want.SliverRef || !bytes.Equal(got.Data, want.Data) {
					t.Fatalf("%v from symbols %d on: %v", want.SliverRef, first, err)
				}
				dst := bytes.Repeat([]byte{0xA5}, len(want.Data))
				got, err = c.Recover(meta, want.SliverRef, symbols, InMemory(dst))
				if err != nil || !bytes.Equal(dst, want.Data) || unsafe.SliceData(got.Data) != unsafe.SliceData(dst) {
					t.Fatalf("%v from symbols %d on, into memory used before: %v", want.SliverRef, first, err)
				}
			}
		}
	})
}

// TestRecoverProofsFirst recovers slivers of every shape from symbols with proofs, the leaves
// of which are hashed once.
func TestRecoverProofsFirst(t *testing.T) {
	eachShape(t, func(t *testing.T, c *Code, blob []byte) {
		m := newNaive(t, c, blob)
		meta := m.metadata(len(blob))
		for _, ref := range []SliverRef{{Primary, 0}, {Secondary, c.params.N - 1}} {
			k := sourceSymbols(c.params, ref.Axis)
			for _, first := range []int{0, 1, c.params.N - k} {
				var symbols []Symbol
				for i := first; i < first+k; i++ {
					symbols = append(symbols, m.symbol(SliverRef{ref.Axis.Other(), i}, ref.Index))
				}
				var refused []*SymbolError
				got, err := c.Recover(meta, ref, symbols, ProofsFirst(), ReportWrong(&refused))
				if err != nil || len(refused) > 0 || !bytes.Equal(got.Data, m.sliver(ref).Data) {
					t.Fatalf("%v from symbols %d on: %v, %v", ref, first, err, refused)
				}
			}
		}
	})
}

// TestRecoverAnyLiars mixes symbols with and without proofs, of both kinds, right and
// wrong, once and more often.
func TestRecoverAnyLiars(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 20).Draw(t, "n")
		c, err := New(n)
		if err != nil {
			t.Fatal(err)
		}
		length := rapid.IntRange(1, 500).Draw(t, "length")
		m := newNaive(t, c, pattern(length, n))
		meta := m.metadata(length)
		want := m.sliver(SliverRef{Axis(rapid.IntRange(0, 1).Draw(t, "axis")), rapid.IntRange(0, n-1).Draw(t, "index")})
		k := sourceSymbols(c.params, want.Axis)

		proofs := rapid.SampledFrom([]string{"all", "none", "some"}).Draw(t, "proofs")
		lies := rapid.SampledFrom([]int{0, 0, 1, n / 3, n}).Draw(t, "lies")
		proven, right, refutable := map[int]bool{}, map[int]bool{}, 0
		var symbols []Symbol
		wrongWithout := 0
		places := rapid.Permutation(indices(n)).Draw(t, "places")
		places = append(places[:rapid.IntRange(0, n).Draw(t, "count")], places[:rapid.IntRange(0, 3).Draw(t, "again")]...)
		for at, place := range places {
			from, along := SliverRef{want.Axis.Other(), place}, want.Index
			if rapid.IntRange(0, 3).Draw(t, "own tree") == 0 {
				from, along = want.SliverRef, place
			}
			s := m.symbol(from, along)
			if proofs == "none" || proofs == "some" && rapid.Bool().Draw(t, "no proof") {
				s.Proof = nil
			}
			lie := at < lies
			if lie {
				s.Data = bytes.Clone(s.Data)
				s.Data[rapid.IntRange(0, len(s.Data)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
			}
			switch {
			case lie && s.Proof != nil:
				refutable++
			case lie:
				wrongWithout++
			default:
				right[place] = true
				if s.Proof != nil {
					proven[place] = true
				}
			}
			symbols = append(symbols, s)
		}

		var refused, all []*SymbolError
		got, err := c.Recover(meta, want.SliverRef, symbols, ReportWrong(&refused))
		var few *RecoverError
		var need *ProofsNeededError
		switch {
		case err == nil && !bytes.Equal(got.Data, want.Data):
			t.Fatal("wrong bytes")
		case err == nil:
		case len(proven) >= k || len(right) >= k && wrongWithout == 0:
			t.Fatalf("%v, with enough that is proven or right", err)
		case errors.As(err, &few):
			if few.Have >= few.Need || few.Need != k || few.Want != want.SliverRef {
				t.Fatalf("%v", err)
			}
		case errors.As(err, &need):
			if wrongWithout == 0 || len(need.Sources) == 0 {
				t.Fatalf("%v, but all that is wrong has proofs", err)
			}
		default:
			t.Fatal(err)
		}
		if len(refused) > 0 && len(refused) != refutable {
			t.Fatalf("%d refused, %d can be", len(refused), refutable)
		}

		without := 0
		for _, s := range symbols {
			if s.Proof == nil {
				without++
			}
		}
		got, err = c.Recover(meta, want.SliverRef, symbols, ReportWrong(&all), ProofsFirst())
		switch enough := len(proven) >= k; {
		case len(all) != refutable+without:
			t.Fatalf("%d refused, %d of the proofs are wrong and %d missing", len(all), refutable, without)
		case enough && (err != nil || !bytes.Equal(got.Data, want.Data)):
			t.Fatalf("not recovered from enough that is proven: %v", err)
		case !enough && (!errors.As(err, &few) || few.Have != len(proven) || few.Need != k):
			t.Fatalf("%v, with %d proven of %d", err, len(proven), k)
		}
		for _, e := range refused {
			if !slices.ContainsFunc(symbols[:min(lies, len(symbols))], func(s Symbol) bool { return s.Row == e.Row && s.Col == e.Col }) {
				t.Fatalf("%v, which is not a lie", e)
			}
		}
	})
}

func TestRecoverRefuses(t *testing.T) {
	c := newCode(t, 7)
	m := newNaive(t, c, pattern(100, 1))
	meta := m.metadata(100)
	want := SliverRef{Primary, 4}
	var symbols []Symbol
	for i := range 7 {
		symbols = append(symbols, m.symbol(SliverRef{Secondary, i}, 4))
	}
	var sliverErr *SliverError
	for _, ref := range []SliverRef{{Primary, -1}, {Primary, 7}, {2, 0}} {
		if _, err := c.Recover(meta, ref, symbols); !errors.As(err, &sliverErr) || sliverErr.Ref != ref {
			t.Errorf("%v: %v", ref, err)
		}
	}
	bad := slices.Clone(symbols)
	bad[0].Row = 3
	bad[1].Col = 9
	bad[2].Data = nil
	var refused []*SymbolError
	_, err := c.Recover(meta, want, bad, ReportWrong(&refused))
	var few *RecoverError
	if !errors.As(err, &few) || few.Have != 4 || few.Need != 5 || len(refused) != 3 ||
		!errors.Is(refused[0], ErrElsewhere) || !errors.Is(refused[1], ErrIndex) || !errors.Is(refused[2], ErrSize) {
		t.Errorf("%v, %v", err, refused)
	}
}

// TestOverlap gives results the memory of what they are made from.
func TestOverlap(t *testing.T) {
	c := newCode(t, 7)
	e, err := c.Encode(pattern(100, 1))
	if err != nil {
		t.Fatal(err)
	}
	meta, lost := e.Metadata(), SliverRef{Primary, 6}
	recover := func(dst, source []byte) error {
		var symbols []Symbol
		for j := range sourceSymbols(c.params, Primary) {
			s, err := c.Symbol(e.Secondary(j), lost.Index)
			if err != nil {
				t.Fatal(err)
			}
			symbols = append(symbols, s)
		}
		symbols[3].Data = source[:copy(source, symbols[3].Data)]
		_, err := c.Recover(meta, lost, symbols, InMemory(dst))
		return err
	}
	decode := func(dst, source []byte) error {
		slivers := []Sliver{e.Primary(4), e.Primary(5), e.Primary(6)}
		slivers[1].Data = source[:copy(source, slivers[1].Data)]
		_, err := c.Decode(meta, slivers, CheckStrict, InMemory(dst))
		return err
	}
	row := len(e.Primary(0).Data)
	for _, call := range []struct {
		name         string
		f            func(dst, source []byte) error
		size, source int // bytes of the result and of what is in its way
		is           any
	}{
		{"Recover", recover, row, e.SymbolSize(), new(*SymbolError)},
		{"Decode", decode, 3 * row, row, new(*SliverError)},
	} {
		for _, test := range []struct {
			name string
			at   int // of the result, from the source on
			room int
			bad  bool
		}{
			{"on it", 0, call.size, true},
			{"up to its first byte", 1 - call.size, call.size, true},
			{"from its last byte on", call.source - 1, call.size, true},
			{"before it", -call.size, call.size, false},
			{"behind it", call.source, call.size, false},
			{"on it, but too small to be used", 0, call.size - 1, false},
		} {
			memory := make([]byte, 4*call.size)
			at := 2*call.size + test.at
			err := call.f(memory[at:at:at+test.room], memory[2*call.size:])
			if test.bad && (!errors.Is(err, ErrOverlap) || !errors.As(err, call.is)) || !test.bad && err != nil {
				t.Errorf("%s %s: error %v, want one: %v", call.name, test.name, err, test.bad)
			}
		}
	}
}

// TestRecoverInconsistent recovers slivers of inconsistent blobs: what comes back has
// the metadata's root, or there is a proof.
func TestRecoverInconsistent(t *testing.T) {
	proven := 0
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 16).Draw(t, "n")
		c, err := New(n)
		if err != nil {
			t.Fatal(err)
		}
		length := rapid.IntRange(1, 300).Draw(t, "length")
		m := newNaive(t, c, pattern(length, n))
		malice[rapid.IntRange(0, len(malice)-1).Draw(t, "malice")].change(t, m)
		meta := m.metadata(length)
		want := SliverRef{Axis(rapid.IntRange(0, 1).Draw(t, "axis")), rapid.IntRange(0, n-1).Draw(t, "index")}
		var symbols []Symbol
		for _, i := range rapid.Permutation(indices(n)).Draw(t, "places") {
			from, along := SliverRef{want.Axis.Other(), i}, want.Index
			if rapid.IntRange(0, 3).Draw(t, "own tree") == 0 {
				from, along = want, i
			}
			symbols = append(symbols, m.symbol(from, along))
		}
		got, err := c.Recover(meta, want, symbols)
		if rapid.Bool().Draw(t, "proofs first") {
			got, err = c.Recover(meta, want, symbols, ProofsFirst())
		}
		var inconsistent *InconsistentError
		if err == nil {
			if err := c.VerifySliver(meta, got); err != nil {
				t.Fatal(err)
			}
			return
		}
		if !errors.As(err, &inconsistent) {
			t.Fatal(err)
		}
		if err := c.VerifyInconsistency(meta, inconsistent.Proof); err != nil {
			t.Fatal(err)
		}
		proven++
	})
	if proven == 0 {
		t.Error("no one proved anything")
	}
}
