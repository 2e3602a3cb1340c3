// Command ceiling writes for arm64 what asm/ceiling writes for amd64: loops that do
// nothing but load, store or look up bytes.
package main

//go:generate go run . -out ../../../bench/internal/ceiling/loops_arm64.s

import (
	"flag"

	"github.com/redstuff-go/redstuff/asm/arm64/emit"
)

const (
	chains = 12 // instructions that do not depend on each other
	width  = 16
)

func main() {
	out := flag.String("out", "", "assembly file to write; the Go file goes beside it")
	flag.Parse()
	f := emit.NewFile("asm/arm64/ceiling", "ceiling")
	for _, loop := range []struct {
		name, doc string
		op        func(k *emit.Func, buf emit.GP, v []emit.Vec)
	}{
		{"load", "loads", func(k *emit.Func, buf emit.GP, v []emit.Vec) { move(k, "FLDPQ", buf, v) }},
		{"store", "stores", func(k *emit.Func, buf emit.GP, v []emit.Vec) { move(k, "FSTPQ", buf, v) }},
		{"shuffle", "looks bytes up in tables of 16", func(k *emit.Func, _ emit.GP, v []emit.Vec) {
			for _, r := range v {
				k.Op("VTBL", r.B16(), emit.List(r), r.B16())
			}
		}},
	} {
		k := f.Func(loop.name+"NEON", loop.doc+", chains a round, with vectors of the instruction set.", "buf *byte, rounds int", 0)
		buf, rounds, v := k.Load("buf"), k.Load("rounds"), k.Vecs(chains)
		move(k, "FLDPQ", buf, v)
		k.Label("round")
		loop.op(k, buf, v)
		k.Op("SUBS", "$1", rounds, rounds)
		k.Op("BNE", "round")
		// What was computed is kept, so that it has to be.
		move(k, "FSTPQ", buf, v)
		k.End()
	}
	f.Write(*out)
}

// move loads or stores all vectors, two at a time.
func move(k *emit.Func, op string, buf emit.GP, v []emit.Vec) {
	for i := 0; i < len(v); i += 2 {
		pair, at := "("+v[i].F()+", "+v[i+1].F()+")", emit.At(buf, width*i)
		if op == "FLDPQ" {
			k.Op(op, at, pair)
		} else {
			k.Op(op, pair, at)
		}
	}
}
