package api_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/rs2d"
)

const shards = 40

func genRequest(t *rapid.T) api.SymbolRequest {
	index := rapid.Uint16Range(0, shards-1)
	r := api.SymbolRequest{
		Axis:    rapid.SampledFrom([]rs2d.Axis{rs2d.Primary, rs2d.Secondary}).Draw(t, "axis"),
		Proofs:  rapid.Bool().Draw(t, "proofs"),
		Targets: rapid.SliceOfDistinct(index, rapid.ID[uint16]).Draw(t, "targets"),
		Sources: rapid.SliceOfDistinct(index, rapid.ID[uint16]).Draw(t, "sources"),
	}
	copy(r.Blob[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "id"))
	return r
}

func TestRequestsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Custom(genRequest), 0, 5).Draw(t, "requests")
		data := api.AppendRequests(nil, want)
		got, err := api.ParseRequests(data, shards)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("%v instead of %v", got, want)
		}
		if len(data) > 0 {
			cut := rapid.IntRange(0, len(data)-1).Draw(t, "cut")
			if _, err := api.ParseRequests(data[:cut], shards); !errors.Is(err, api.ErrMalformed) {
				t.Fatalf("cut at %d: %v", cut, err)
			}
		}
		if _, err := api.ParseRequests(append(data, 0), shards); !errors.Is(err, api.ErrMalformed) {
			t.Fatal(err)
		}
	})
}

func TestRequestsAreBounded(t *testing.T) {
	all := make([]uint16, 0xffff)
	for i := range all {
		all[i] = uint16(i)
	}
	big := api.SymbolRequest{Targets: all, Sources: all}
	for name, data := range map[string][]byte{
		"many symbols": api.AppendRequests(nil, []api.SymbolRequest{big}),
		"many items":   {0xff, 0xff, 0xff, 0xff},
		"index":        api.AppendRequests(nil, []api.SymbolRequest{{Targets: []uint16{shards}}}),
		"twice":        api.AppendRequests(nil, []api.SymbolRequest{{Targets: []uint16{1, 1}}}),
		"axis":         api.AppendRequests(nil, []api.SymbolRequest{{Axis: 2}}),
	} {
		n := shards
		if name == "many symbols" {
			n = 0xffff
		}
		if _, err := api.ParseRequests(data, n); !errors.Is(err, api.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSymbolsRoundTrip(t *testing.T) {
	code, err := rs2d.New(shards)
	if err != nil {
		t.Fatal(err)
	}
	e, err := code.Encode(bytes.Repeat([]byte("symbols "), 2000))
	if err != nil {
		t.Fatal(err)
	}
	for _, proofs := range []bool{false, true} {
		for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
			const pair = 3
			r := api.SymbolRequest{Axis: axis, Proofs: proofs, Targets: []uint16{0, 39, 7}}
			primary, secondary := e.Pair(pair)
			source := primary
			if axis == rs2d.Primary {
				source = secondary
			}
			prover, err := code.NewProver(source)
			if err != nil {
				t.Fatal(err)
			}
			var body []byte
			for _, target := range r.Targets {
				s := prover.Symbol(int(target))
				if !proofs {
					s.Proof = nil
				}
				body = api.AppendSymbol(body, s)
			}
			symbols, err := api.ParseSymbols(body, &r, pair, e.SymbolSize(), shards)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range symbols {
				if s.At(axis) != (rs2d.SliverRef{Axis: axis, Index: int(r.Targets[i])}) {
					t.Fatalf("symbol %d is at %d, %d", i, s.Row, s.Col)
				}
				if err := code.VerifySymbol(e.Metadata(), s); proofs && err != nil {
					t.Fatal(err)
				}
			}
			if _, err := api.ParseSymbols(body[1:], &r, pair, e.SymbolSize(), shards); !errors.Is(err, api.ErrMalformed) {
				t.Fatal(err)
			}
		}
	}
}

func TestFrames(t *testing.T) {
	var stream []byte
	stream = api.FrameHeader{Kind: api.FrameSliver, Axis: 1, Index: 7, Item: 9, Length: 5}.Append(stream)
	stream = append(stream, "hello"...)
	stream = api.FrameHeader{Kind: api.FrameError, Length: 3}.Append(stream)
	stream = append(stream, "no!"...)
	stream = api.FrameHeader{}.Append(stream)
	f := api.NewFrameReader(bytes.NewReader(stream))
	if h, err := f.Next(); err != nil || h.Index != 7 || h.Item != 9 || h.Axis != 1 {
		t.Fatal(h, err)
	}
	if _, err := f.Body(nil, 4); !errors.Is(err, api.ErrTooLong) {
		t.Fatal(err)
	}
	if b, err := f.Body(nil, 5); err != nil || string(b) != "hello" {
		t.Fatal(b, err)
	}
	if h, err := f.Next(); err != nil || h.Kind != api.FrameError {
		t.Fatal(h, err)
	}
	if h, err := f.Next(); err != nil || h.Kind != api.FrameEnd { // the message is skipped
		t.Fatal(h, err)
	}
	for cut := range len(stream) {
		f := api.NewFrameReader(bytes.NewReader(stream[:cut]))
		var err error
		for err == nil {
			_, err = f.Next()
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
	// What is announced is not allocated before it comes.
	huge := api.FrameHeader{Kind: api.FrameSliver, Length: 1 << 31}.Append(nil)
	f = api.NewFrameReader(bytes.NewReader(append(huge, 1, 2, 3)))
	if _, err := f.Next(); err != nil {
		t.Fatal(err)
	}
	if b, err := f.Body(nil, math.MaxInt); !errors.Is(err, io.ErrUnexpectedEOF) || cap(b) > 8<<20 {
		t.Fatal(cap(b), err)
	}
	large := bytes.Repeat([]byte{7}, 5<<20)
	f = api.NewFrameReader(io.MultiReader(bytes.NewReader(api.FrameHeader{Kind: api.FrameSliver, Length: uint32(len(large))}.Append(nil)), bytes.NewReader(large)))
	if _, err := f.Next(); err != nil {
		t.Fatal(err)
	}
	if b, err := f.Body(nil, 8<<20); err != nil || !bytes.Equal(b, large) {
		t.Fatal(len(b), err)
	}
}

func TestPairLists(t *testing.T) {
	if got, err := api.ParsePairs("3,1,39", shards); err != nil || !slices.Equal(got, []int{3, 1, 39}) {
		t.Fatal(got, err)
	}
	for _, bad := range []string{",", "1,", "40", "-1", "+1", "01", "1 ", "x", "99999999999999999999"} {
		if _, err := api.ParsePairs(bad, shards); !errors.Is(err, api.ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if q := api.SliversQuery([]int{1, 2}, []int{3}); q != "primary=1%2C2&secondary=3" {
		t.Error(q)
	}
}

func FuzzParseRequests(f *testing.F) {
	f.Add(api.AppendRequests(nil, []api.SymbolRequest{{Blob: commit.BlobID{1}, Targets: []uint16{1, 2}, Sources: []uint16{3}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		requests, err := api.ParseRequests(data, shards)
		if err == nil && !bytes.Equal(api.AppendRequests(nil, requests), data) {
			t.Fatal("another form is accepted")
		}
	})
}
