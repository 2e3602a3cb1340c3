// Command gf writes the amd64 assembly of package gf16, one file a backend, and
// the Go declarations that go with it.
//
// A machine (machine.go) is an instruction set: its registers, and how it moves words. A
// multiplier (product.go) is a machine that is ready to multiply words by constants. The
// kernels are written over these two, each in a file of its idea: butterfly.go and
// radix8.go have the passes of the transform, fused.go an inverse pass and a forward one
// in one, few.go the encoders of few parity shards, tower.go and region.go what works on
// rows and regions, and pack.go what moves bytes. Package kernel knows what kernels there
// are.
package main

//go:generate go run . -backend avx2 -out ../../internal/gf16/kernels_avx2_amd64.s -decls ../../internal/gf16/kernels_avx2_amd64.go
//go:generate go run . -backend avx2+gfni -out ../../internal/gf16/kernels_avx2gfni_amd64.s -decls ../../internal/gf16/kernels_avx2gfni_amd64.go
//go:generate go run . -backend avx512 -out ../../internal/gf16/kernels_avx512_amd64.s -decls ../../internal/gf16/kernels_avx512_amd64.go
//go:generate go run . -backend avx512+gfni -out ../../internal/gf16/kernels_avx512gfni_amd64.s -decls ../../internal/gf16/kernels_avx512gfni_amd64.go
//go:generate go run ../tidy ../../internal/gf16/kernels_avx2_amd64.s ../../internal/gf16/kernels_avx2gfni_amd64.s ../../internal/gf16/kernels_avx512_amd64.s ../../internal/gf16/kernels_avx512gfni_amd64.s

import (
	"flag"
	"log"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"

	"github.com/redstuff-go/redstuff/asm/gf/kernel"
)

const constraint = "amd64 && !purego"

var machines = []machine{
	{backend: "avx2", suffix: "AVX2"},
	{backend: "avx2+gfni", suffix: "AVX2GFNI", gfni: true},
	{backend: "avx512", suffix: "AVX512", wide: true},
	{backend: "avx512+gfni", suffix: "AVX512GFNI", wide: true, gfni: true},
}

func main() {
	backend := flag.String("backend", "", "name of the backend to write")
	decls := flag.String("decls", "", "file to write the Go declarations to, in the folder of package gf16")
	flag.Parse()
	known, err := kernel.Read(filepath.Dir(*decls))
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range machines {
		if m.backend == *backend {
			m.known = known
			write(m, *decls)
			return
		}
	}
	log.Fatalf("no backend is named %q", *backend)
}

// writers are the kernels of a machine, and what writes each, in the order of the file.
type writers []struct {
	name  string
	write func()
}

// write emits all kernels of m: the assembly by avo, to the file its flag -out
// names, and the declarations.
func write(m machine, decls string) {
	build.ConstraintExpr("amd64")
	build.ConstraintExpr("!purego")
	declareData(m)
	own := append(transforms(m), few(m)...)
	own = append(own, products(m)...)
	if !m.wide && moves(m) {
		own = append(own, writers{{"xor", func() { xorBytes(m) }}}...)
	}
	if moves(m) {
		own = append(own, moving(m)...)
	}
	for _, w := range own {
		w.write()
	}
	if err := declare(m, own, decls); err != nil {
		log.Fatal(err)
	}
	build.Generate()
}
