package gf16

import (
	"testing"

	"github.com/redstuff-go/redstuff/internal/nilargs"
)

func TestNil(t *testing.T) {
	e, err := NewEngine("")
	if err != nil {
		t.Fatal(err)
	}
	a, b := make([]byte, 1<<12), make([]byte, 1<<12)
	as, bs := [][]byte{a, a}, [][]byte{b, b}
	two := []Elem{1, 2}
	calls := []nilargs.Call{
		{Name: "AddLocator", Func: AddLocator, Args: []any{make([]int32, 2), two, []int{3}, []int{4}}},
		{Name: "CauchyRow", Func: CauchyRow, Args: []any{make([]Elem, 2), Elem(5), two, make([]int32, 2), 0}},
		{Name: "Div", Func: Div, Args: []any{Elem(1), Elem(2)}},
		{Name: "Exp", Func: Exp, Args: []any{1}},
		{Name: "Inv", Func: Inv, Args: []any{Elem(1)}},
		{Name: "Locator", Func: Locator, Args: []any{make([]uint16, 16), make([]uint64, 16), []int{3}, []int{4}}},
		{Name: "Log", Func: Log, Args: []any{Elem(1)}},
		{Name: "Mul", Func: Mul, Args: []any{Elem(1), Elem(2)}},
		{Name: "NewEngine", Func: NewEngine, Args: []any{"generic"}},
		{Name: "Engine.Dot", Func: e.Dot, Args: []any{a[:64], bs, 0, two}},
		{Name: "Engine.FFT", Func: e.FFT, Args: []any{a, b, 32, 8, 0, 8}},
		{Name: "Engine.IFFT", Func: e.IFFT, Args: []any{a, 32, 8, 0, 8}},
		{Name: "Engine.IFFTAdd", Func: e.IFFTAdd, Args: []any{a, b, 32, 8, 0, 8}},
		{Name: "Engine.Mul", Func: e.Mul, Args: []any{a, b, Elem(2)}},
		{Name: "Engine.MulAdd", Func: e.MulAdd, Args: []any{a, b, Elem(2)}},
		{Name: "Engine.Pack", Func: e.Pack, Args: []any{a, 32, bs, 0, 0, 64, 1}},
		{Name: "Engine.GatherBlocks", Func: e.GatherBlocks, Args: []any{a, bs, 0, 10}},
		{Name: "Engine.Scale", Func: e.Scale, Args: []any{a, b, 32, two}},
		{Name: "Engine.MulAddMany", Func: e.MulAddMany, Args: []any{as, 0, b[:64], two}},
		{Name: "Engine.Unpack", Func: e.Unpack, Args: []any{as, 0, 0, 64, 1, b, 32}},
		{Name: "Engine.ScatterBlocks", Func: e.ScatterBlocks, Args: []any{as, 0, 10, b}},
		{Name: "Engine.Xor", Func: e.Xor, Args: []any{a, b}},
		{Name: "Engine.FFTTo", Func: e.FFTTo, Args: []any{as, 0, a, b, 32, 8, 0, false}},
		{Name: "Engine.IFFTFrom", Func: e.IFFTFrom, Args: []any{a, a, 32, 8, 0, bs, 0}},
		{Name: "Engine.CanEncodeBlocks", Func: e.CanEncodeBlocks, Args: []any{64, 128}},
		{Name: "NewFewEncoder", Func: NewFewEncoder, Args: []any{e, 2, 2}},
		{Name: "FewEncoder.Encode", Func: NewFewEncoder(e, 2, 2).Encode, Args: []any{as, bs, 0, 64, make([]byte, 1<<12)}},
	}
	r := &BlockEncoding{PlaneBytes: 32, Size: 64, Srcs: bs, Dsts: as, DstBase: 64, Sum: make([]byte, 1<<12), Work: make([]byte, 1<<12)}
	recode := e.EncodeBlocks
	if !e.CanEncodeBlocks(64, 128) {
		recode = func(r *BlockEncoding) { // of an engine that has nothing to do it with
			if r == nil {
				e.EncodeBlocks(r)
			}
		}
	}
	nilargs.Check(t, ".", append(calls, nilargs.Call{Name: "Engine.EncodeBlocks", Func: recode, Args: []any{r}}))
}
