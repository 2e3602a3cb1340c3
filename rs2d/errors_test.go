package rs2d

import (
	"errors"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
)

// TestErrorText checks that messages say what, where and why.
func TestErrorText(t *testing.T) {
	sliver := &SliverError{SliverRef{Secondary, 3}, ErrRoot}
	symbol := &SymbolError{1, 2, ErrNoProof}
	many := []error{sliver, sliver, sliver, sliver}
	for _, tt := range []struct {
		err  error
		want []string
	}{
		{sliver, []string{"secondary sliver 3", "root"}},
		{symbol, []string{"row 1", "column 2", "no proof"}},
		{&ShardsError{4, 7}, []string{"4 shards", "code of 7"}},
		{&NotEnoughError{1, 2, 3, 4, many}, []string{"1 of 2 primary", "3 of 4 secondary", "4 refused", "secondary sliver 3", "…"}},
		{&NotEnoughError{1, 2, 3, 4, nil}, []string{"3 of 4 secondary"}},
		{&InconsistentError{&InconsistencyProof{Target: SliverRef{Primary, 5}}}, []string{"inconsistent", "primary sliver 5"}},
		{&RecoverError{SliverRef{Primary, 1}, 2, 3, []error{symbol}}, []string{"primary sliver 1", "2 of 3", "1 refused", "row 1"}},
		{&ProofsNeededError{SliverRef{Primary, 1}, make([]SliverRef, 9), []error{symbol}}, []string{"primary sliver 1", "needed of 9", "row 1"}},
		{&RangeError{5, 6, 7}, []string{"6 bytes at 5", "blob of 7"}},
		{&MissingError{[]SliverRef{{Primary, 1}, {Primary, 2}}, []error{sliver}}, []string{"primary sliver 1 and 1 more", "secondary sliver 3"}},
		{&SliverError{SliverRef{7, 3}, ErrAxis}, []string{"Axis(7) sliver 3", "neither"}},
	} {
		text := tt.err.Error()
		if !strings.HasPrefix(text, "rs2d: ") || strings.Count(text, "rs2d: ") != 1 {
			t.Errorf("%T: %q must name the package once", tt.err, text)
		}
		for _, part := range tt.want {
			if !strings.Contains(text, part) {
				t.Errorf("%T: %q does not say %q", tt.err, text, part)
			}
		}
	}
	for _, err := range []error{&NotEnoughError{Rejected: many}, &MissingError{Rejected: many}} {
		if !errors.Is(err, ErrRoot) {
			t.Errorf("%T does not lead to why slivers were refused", err)
		}
	}
	for _, err := range []error{&RecoverError{Rejected: []error{symbol}}, &ProofsNeededError{Rejected: []error{symbol}}} {
		if !errors.Is(err, ErrNoProof) {
			t.Errorf("%T does not lead to why symbols were refused", err)
		}
	}
}

// TestMalformedArguments gives slivers, symbols and proofs that are none.
func TestMalformedArguments(t *testing.T) {
	c := newCode(t, 7)
	data := make([]byte, c.params.S*2)
	for _, tt := range []struct {
		name string
		s    Sliver
		want error
	}{
		{"axis", Sliver{SliverRef{2, 0}, data}, ErrAxis},
		{"index", Sliver{SliverRef{Primary, 7}, data}, ErrIndex},
		{"empty", Sliver{SliverRef{Primary, 0}, nil}, ErrSize},
		{"odd symbols", Sliver{SliverRef{Primary, 0}, data[:c.params.S]}, ErrSize},
		{"not whole symbols", Sliver{SliverRef{Primary, 0}, data[1:]}, ErrSize},
		{"large symbols", Sliver{SliverRef{Primary, 0}, make([]byte, c.params.S*(commit.MaxSymbol+2))}, ErrSize},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, expand := c.Expand(tt.s)
			_, symbol := c.Symbol(tt.s, 0)
			_, prover := c.NewProver(tt.s)
			for name, err := range map[string]error{"Expand": expand, "Symbol": symbol, "NewProver": prover} {
				var e *SliverError
				if !errors.As(err, &e) || e.Ref != tt.s.SliverRef || !errors.Is(err, tt.want) {
					t.Errorf("%s: %v, want %v", name, err, tt.want)
				}
			}
		})
	}
	for _, i := range []int{-1, 7} {
		var e *SymbolError
		if _, err := c.Symbol(Sliver{SliverRef{Secondary, 3}, data[:c.params.P*2]}, i); !errors.As(err, &e) || e.Row != i || e.Col != 3 || !errors.Is(err, ErrIndex) {
			t.Errorf("symbol %d: %v", i, err)
		}
	}

	m := newNaive(t, c, pattern(100, 1))
	meta := m.metadata(100)
	target := SliverRef{Primary, 1}
	for _, tt := range []struct {
		name string
		edit func(*Symbol)
		want error
	}{
		{"no bytes", func(s *Symbol) { s.Data = nil }, ErrSize},
		{"another target's", func(s *Symbol) { s.Row++ }, ErrElsewhere},
		{"no proof", func(s *Symbol) { s.Proof = nil }, ErrNoProof},
		{"parity is no padding", func(s *Symbol) { *s = m.symbol(target, 6) }, ErrNotInconsistent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := m.symbol(target, 2)
			tt.edit(&s)
			if err := c.VerifyInconsistency(meta, &InconsistencyProof{target, []Symbol{s}}); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
	if _, err := RangeSlivers(&commit.Metadata{}, 0, 0); err == nil {
		t.Error("RangeSlivers takes empty metadata")
	}
	if _, err := c.ReadRange(&commit.Metadata{}, nil, 0, 0); err == nil {
		t.Error("ReadRange takes empty metadata")
	}
	if _, err := ParseSliver(&commit.Metadata{}, Primary, nil); err == nil {
		t.Error("ParseSliver takes empty metadata")
	}
	if _, err := ParseSymbol(&commit.Metadata{}, target, nil); err == nil {
		t.Error("ParseSymbol takes empty metadata")
	}
}
