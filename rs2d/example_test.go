package rs2d_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

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

// directory keeps slivers where there is more room than in memory.
type directory struct{ root *os.Root }

func (d directory) WriteSliverAt(ref rs2d.SliverRef, data []byte, off int64) error {
	f, err := d.root.OpenFile(ref.String(), os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt(data, off)
	return err
}

func (d directory) ReadSliverAt(ref rs2d.SliverRef, dst []byte, off int64) error {
	f, err := d.root.Open(ref.String())
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.ReadAt(dst, off)
	return err
}

// A blob that is larger than memory is encoded from a reader into files, and decoded from
// some of these to a writer.
func ExampleCode_DecodeTo() {
	temp, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(temp)
	root, err := os.OpenRoot(temp)
	if err != nil {
		log.Fatal(err)
	}
	defer root.Close()
	files := directory{root}

	code, err := rs2d.New(10)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	meta, err := code.NewEncoder().EncodeFrom(ctx, files, strings.NewReader("a blob of any length\n"))
	if err != nil {
		log.Fatal(err)
	}
	kept := []rs2d.SliverRef{
		{Axis: rs2d.Primary, Index: 2}, {Axis: rs2d.Primary, Index: 5},
		{Axis: rs2d.Primary, Index: 7}, {Axis: rs2d.Primary, Index: 9},
	}
	err = code.DecodeTo(ctx, os.Stdout, meta, files, kept, rs2d.CheckStrict, rs2d.MaxMemory(64<<20))
	fmt.Println(err)
	// Output:
	// a blob of any length
	// <nil>
}

// Whoever is sent slivers verifies them by the metadata.
func ExampleCode_VerifySlivers() {
	code, err := rs2d.New(10)
	if err != nil {
		log.Fatal(err)
	}
	encoding, err := code.Encode([]byte("a blob of any length"))
	if err != nil {
		log.Fatal(err)
	}
	right, wrong := encoding.Primary(1), encoding.Secondary(2)
	wrong.Data[0] ^= 1
	for _, err := range code.VerifySlivers(encoding.Metadata(), []rs2d.Sliver{right, wrong}) {
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// rs2d: secondary sliver 2: root is not the metadata's
}
