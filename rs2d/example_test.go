package rs2d_test

import (
	"fmt"
	"log"

	"github.com/redstuff-go/redstuff/rs2d"
)

// A blob comes back from any third of its primary slivers.
func Example() {
	code, err := rs2d.New(10) // shards, of which any 3 may be lost or lie
	if err != nil {
		log.Fatal(err)
	}
	encoding, err := code.Encode([]byte("a blob of any length"))
	if err != nil {
		log.Fatal(err)
	}
	kept := []rs2d.Sliver{encoding.Primary(2), encoding.Primary(5), encoding.Primary(7), encoding.Primary(9)}
	blob, err := code.Decode(encoding.Metadata(), kept, rs2d.CheckStrict)
	fmt.Println(string(blob), err)
	// Output: a blob of any length <nil>
}

// A lost sliver is rebuilt from one symbol of each of some slivers of the other kind,
// which together are no longer than the sliver itself.
func ExampleCode_Recover() {
	code, err := rs2d.New(10)
	if err != nil {
		log.Fatal(err)
	}
	encoding, err := code.Encode([]byte("a blob of any length"))
	if err != nil {
		log.Fatal(err)
	}
	lost := rs2d.SliverRef{Axis: rs2d.Primary, Index: 8}
	var symbols []rs2d.Symbol
	for j := range code.Params().S {
		symbol, err := code.Symbol(encoding.Secondary(j), lost.Index)
		if err != nil {
			log.Fatal(err)
		}
		symbols = append(symbols, symbol)
	}
	sliver, err := code.Recover(encoding.Metadata(), lost, symbols)
	fmt.Println(sliver.SliverRef, err)
	fmt.Println(string(sliver.Data) == string(encoding.Primary(8).Data))
	// Output:
	// primary sliver 8 <nil>
	// true
}

// Blob after blob is decoded in the same memory.
func ExampleInMemory() {
	code, err := rs2d.New(10)
	if err != nil {
		log.Fatal(err)
	}
	var memory []byte
	for _, text := range []string{"one blob", "and another, which is longer", "a third"} {
		encoding, err := code.Encode([]byte(text))
		if err != nil {
			log.Fatal(err)
		}
		kept := []rs2d.Sliver{encoding.Primary(2), encoding.Primary(5), encoding.Primary(7), encoding.Primary(9)}
		blob, err := code.Decode(encoding.Metadata(), kept, rs2d.CheckStrict, rs2d.InMemory(memory))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(blob))
		memory = blob
	}
	// Output:
	// one blob
	// and another, which is longer
	// a third
}
