package gf

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
	two := []Elem{1, 2}
	nilargs.Check(t, ".", []nilargs.Call{
		{Name: "Div", Func: Div, Args: []any{Elem(1), Elem(2)}},
		{Name: "Exp", Func: Exp, Args: []any{1}},
		{Name: "Inv", Func: Inv, Args: []any{Elem(1)}},
		{Name: "Log", Func: Log, Args: []any{Elem(1)}},
		{Name: "Mul", Func: Mul, Args: []any{Elem(1), Elem(2)}},
		{Name: "NewEngine", Func: NewEngine, Args: []any{"generic"}},
		{Name: "Engine.Dot", Func: e.Dot, Args: []any{a[:64], [][]byte{b, b}, 0, two}},
		{Name: "Engine.FFT", Func: e.FFT, Args: []any{a, b, 32, 8, 0, 8}},
		{Name: "Engine.IFFT", Func: e.IFFT, Args: []any{a, 32, 8, 0, 8}},
		{Name: "Engine.Mul", Func: e.Mul, Args: []any{a, b, Elem(2)}},
		{Name: "Engine.MulAdd", Func: e.MulAdd, Args: []any{a, b, Elem(2)}},
		{Name: "Engine.Pack", Func: e.Pack, Args: []any{a, 32, [][]byte{b, b}, 0, 0, 64, 1}},
		{Name: "Engine.Scale", Func: e.Scale, Args: []any{a, b, 32, two}},
		{Name: "Engine.Unpack", Func: e.Unpack, Args: []any{[][]byte{a, make([]byte, 64)}, 0, 0, 64, 1, b, 32}},
		{Name: "Engine.Xor", Func: e.Xor, Args: []any{a, b}},
	})
}
