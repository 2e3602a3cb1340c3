package rs2d

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
)

// fullVector is a vector that lists all slivers.
type fullVector struct {
	vector
	Pairs []struct {
		Pair              int    `json:"pair_index"`
		PrimaryIndex      int    `json:"primary_sliver_index"`
		SecondaryIndex    int    `json:"secondary_sliver_index"`
		Primary           string `json:"primary"`
		Secondary         string `json:"secondary"`
		PrimaryExpanded   string `json:"primary_expanded"`
		SecondaryExpanded string `json:"secondary_expanded"`
	} `json:"pairs"`
	BCS *struct {
		Primary       string `json:"pair0_primary_sliver"`
		Secondary     string `json:"pair0_secondary_sliver"`
		FromSecondary string `json:"recovery_symbol_from_pair0_secondary_for_last_primary"`
		FromPrimary   string `json:"recovery_symbol_from_pair0_primary_for_last_secondary"`
	} `json:"bcs"`
}

func fullVectors(t testing.TB) (full []fullVector) {
	t.Helper()
	raw, err := os.ReadFile("../commit/testdata/walrus-rs2.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []fullVector }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for _, v := range file.Vectors {
		if v.BCS != nil {
			full = append(full, v)
		}
	}
	if len(full) == 0 {
		t.Fatal("no vectors list all slivers")
	}
	return full
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectors reads the reference's slivers: expands, verifies and decodes them, and
// writes and reads them and their symbols in its form.
func TestVectors(t *testing.T) {
	for _, v := range fullVectors(t) {
		t.Run(fmt.Sprintf("n=%d,len=%d,seed=%d", v.Shards, v.Length, v.Seed), func(t *testing.T) {
			c := newCode(t, v.Shards, WithScheme(commit.Walrus))
			blob := v.blob()
			meta, err := c.NewEncoder().Commit(blob)
			if err != nil {
				t.Fatal(err)
			}
			var slivers [2][]Sliver
			for _, pair := range v.Pairs {
				for _, s := range []struct {
					ref            SliverRef
					data, expanded string
				}{
					{SliverRef{Primary, pair.PrimaryIndex}, pair.Primary, pair.PrimaryExpanded},
					{SliverRef{Secondary, pair.SecondaryIndex}, pair.Secondary, pair.SecondaryExpanded},
				} {
					sliver := Sliver{s.ref, unhex(t, s.data)}
					slivers[s.ref.Axis] = append(slivers[s.ref.Axis], sliver)
					if all, err := c.Expand(sliver); err != nil || !bytes.Equal(all, unhex(t, s.expanded)) {
						t.Errorf("%v expands to %x (%v), want %s", s.ref, all, err, s.expanded)
					}
					if err := c.VerifySliver(meta, sliver); err != nil {
						t.Error(err)
					}
				}
			}
			for axis := range slivers {
				if got, err := c.Decode(meta, slivers[axis], CheckStrict); err != nil || !bytes.Equal(got, blob) {
					t.Errorf("%v slivers decode to %d bytes, %v", Axis(axis), len(got), err)
				}
			}

			primary, secondary := slivers[Primary][0], slivers[Secondary][0]
			for _, s := range []struct {
				sliver Sliver
				want   []byte
			}{{primary, unhex(t, v.BCS.Primary)}, {secondary, unhex(t, v.BCS.Secondary)}} {
				got, err := s.sliver.AppendBCS(nil, v.SymbolSize)
				if err != nil || !bytes.Equal(got, s.want) {
					t.Errorf("%v is written as %x (%v), want %x", s.sliver.SliverRef, got, err, s.want)
				}
				back, err := ParseSliver(meta, s.sliver.Axis, s.want)
				if err != nil || !reflect.DeepEqual(back, s.sliver) {
					t.Errorf("%v is read as %v, %v", s.sliver, back, err)
				}
			}
			for _, s := range []struct {
				sliver Sliver
				want   SliverRef
				bytes  []byte
			}{
				{secondary, SliverRef{Primary, v.Shards - 1}, unhex(t, v.BCS.FromSecondary)},
				{primary, SliverRef{Secondary, 0}, unhex(t, v.BCS.FromPrimary)},
			} {
				prover, err := c.NewProver(s.sliver)
				if err != nil {
					t.Fatal(err)
				}
				symbol := prover.Symbol(s.want.Index)
				if got, err := symbol.AppendBCS(nil); err != nil || !bytes.Equal(got, s.bytes) {
					t.Errorf("the symbol for %v is written as %x (%v), want %x", s.want, got, err, s.bytes)
				}
				back, err := ParseSymbol(meta, s.want, s.bytes)
				if err != nil || !reflect.DeepEqual(back, symbol) {
					t.Errorf("the symbol for %v is read as %v, %v", s.want, back, err)
				}
				if err := c.VerifySymbol(meta, back); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	c := newCode(t, 7, WithScheme(commit.Walrus))
	e, err := c.Encode(pattern(100, 1))
	if err != nil {
		t.Fatal(err)
	}
	meta := e.Metadata()
	good, err := e.Primary(2).AppendBCS(nil, e.SymbolSize())
	if err != nil {
		t.Fatal(err)
	}
	edit := func(i int, b byte) []byte {
		out := bytes.Clone(good)
		out[i] = b
		return out
	}
	last := len(good) - 1
	for _, tt := range []struct {
		name string
		data []byte
		want error
	}{
		{"empty", nil, ErrMalformed},
		{"truncated", good[:last], ErrMalformed},
		{"trailing", append(bytes.Clone(good), 0), ErrMalformed},
		{"longer", edit(0, good[0]+1), ErrMalformed},
		{"symbol size", edit(last-3, byte(e.SymbolSize()+2)), ErrSize},
		{"index", edit(last-1, 7), ErrIndex},
		{"short", append([]byte{2}, good[last-5:]...), ErrSize},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := ParseSliver(meta, Primary, tt.data); !errors.Is(err, ErrMalformed) || !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
	if _, err := ParseSliver(meta, 2, good); !errors.Is(err, ErrAxis) {
		t.Errorf("no such axis: %v", err)
	}
	if _, err := ParseSymbol(meta, SliverRef{Primary, 7}, nil); !errors.Is(err, ErrIndex) {
		t.Errorf("no such sliver: %v", err)
	}
	if _, err := ParseSymbol(meta, SliverRef{Primary, 6}, []byte{7, 0, 2, 0, 0, 0}); !errors.Is(err, ErrMalformed) || !errors.Is(err, ErrIndex) {
		t.Errorf("symbol of no sliver: %v", err)
	}
	if _, err := ParseSymbol(meta, SliverRef{Primary, 6}, []byte{6, 0, 4, 0, 0, 0, 0, 0}); !errors.Is(err, ErrMalformed) || !errors.Is(err, ErrSize) {
		t.Errorf("symbol of another size: %v", err)
	}

	for _, s := range []Sliver{{SliverRef{Primary, -1}, nil}, {SliverRef{Primary, 1 << 16}, nil}} {
		if _, err := s.AppendBCS(nil, 2); !errors.Is(err, ErrIndex) {
			t.Errorf("writing %v: %v", s.SliverRef, err)
		}
	}
	if _, err := e.Primary(0).AppendBCS(nil, 0); !errors.Is(err, ErrSize) {
		t.Errorf("symbols of no bytes: %v", err)
	}
	if _, err := (Symbol{Row: 1 << 16}).AppendBCS(nil); !errors.Is(err, ErrIndex) {
		t.Errorf("writing a large index: %v", err)
	}
	if _, err := (Symbol{Data: make([]byte, 1<<16)}).AppendBCS(nil); !errors.Is(err, ErrSize) {
		t.Errorf("writing a large symbol: %v", err)
	}
}
