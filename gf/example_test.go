package gf_test

import (
	"fmt"
	"log"

	"github.com/redstuff-go/redstuff/gf"
)

func Example() {
	a, b := gf.Elem(0x1234), gf.Elem(0xABCD)
	fmt.Println(gf.Div(gf.Mul(a, b), b) == a, gf.Mul(a, gf.Inv(a)))
	// Output: true 1
}

// Three sources are combined in a sum with coefficients: with one sum and two of the
// sources, the third comes back.
func ExampleEngine_MulAdd() {
	engine, err := gf.NewEngine("") // the best instruction set of this CPU
	if err != nil {
		log.Fatal(err)
	}
	sources := make([][]byte, 3)
	for i := range sources {
		sources[i] = make([]byte, gf.BlockSize)
		copy(sources[i], fmt.Sprintf("source %d", i))
	}
	coeffs := []gf.Elem{2, 3, 5}
	sum := make([]byte, gf.BlockSize)
	for i, source := range sources {
		engine.MulAdd(sum, source, coeffs[i])
	}

	// Addition and subtraction are the same.
	engine.MulAdd(sum, sources[0], coeffs[0])
	engine.MulAdd(sum, sources[2], coeffs[2])
	engine.Mul(sum, sum, gf.Inv(coeffs[1]))
	fmt.Printf("%s\n", sum[:8])
	// Output: source 1
}

// A polynomial of four coefficients goes through any four of its values.
func ExampleEngine_FFT() {
	engine, err := gf.NewEngine("")
	if err != nil {
		log.Fatal(err)
	}
	const (
		half = gf.RowAlign // of a planar row: 32 words, one a polynomial
		size = 4
		row  = 2 * half
	)
	words := make([][]byte, size)
	for i := range words {
		words[i] = make([]byte, row)
		copy(words[i], fmt.Sprintf("value %d", i))
	}
	values, coefficients := make([]byte, size*row), make([]byte, size*row)
	engine.Pack(values, half, words, 0, 0, row, 1)
	copy(coefficients, values)
	engine.IFFT(coefficients, half, size, 0, size)        // the values at 0 to 3
	engine.FFT(values, coefficients, half, size, 4, size) // those at 4 to 7
	engine.IFFT(values, half, size, 4, size)
	engine.FFT(values, values, half, size, 0, size) // back to 0 to 3
	engine.Unpack(words, 0, 0, row, 1, values, half)
	fmt.Printf("%s\n", words[2][:7])
	// Output: value 2
}
