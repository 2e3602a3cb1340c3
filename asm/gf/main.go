// Command gf writes the amd64 assembly of package gf, one file a backend, and
// the Go declarations that go with it.
//
// The kernels are described once, in butterfly.go and region.go, over the
// machine of machine.go, which knows the instruction sets.
package main

//go:generate go run . -backend avx2 -out ../../gf/kernels_avx2_amd64.s -decls ../../gf/kernels_avx2_amd64.go
//go:generate go run . -backend avx2+gfni -out ../../gf/kernels_avx2gfni_amd64.s -decls ../../gf/kernels_avx2gfni_amd64.go
//go:generate go run . -backend avx512 -out ../../gf/kernels_avx512_amd64.s -decls ../../gf/kernels_avx512_amd64.go
//go:generate go run . -backend avx512+gfni -out ../../gf/kernels_avx512gfni_amd64.s -decls ../../gf/kernels_avx512gfni_amd64.go

import (
	"flag"
	"log"
	"os"

	"github.com/mmcloughlin/avo/build"
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
	decls := flag.String("decls", "", "file to write the Go declarations to")
	flag.Parse()
	for _, m := range machines {
		if m.backend == *backend {
			write(m, *decls)
			return
		}
	}
	log.Fatalf("no backend is named %q", *backend)
}

// write emits all kernels of m: the assembly by avo, to the file its flag -out
// names, and the declarations.
func write(m machine, decls string) {
	build.ConstraintExpr("amd64")
	build.ConstraintExpr("!purego")
	m.declareData()
	m.butterflies("fft4", butterfly{radix: 4})
	m.butterflies("fft2", butterfly{radix: 2})
	m.butterflies("ifft4", butterfly{radix: 4, inverse: true})
	m.butterflies("ifft2", butterfly{radix: 2, inverse: true})
	if m.hasRadix8() {
		m.octets("fft8", butterfly{})
		m.octets("ifft8", butterfly{inverse: true})
		m.octetsFrom()
		m.octetsTo()
		m.fence()
		m.pass8()
	}
	m.encoders()
	m.turn()
	m.scale()
	m.mul("mulAdd", true)
	m.mul("mul", false)
	m.dot()
	m.spread()
	if m.moves() {
		m.xorBytes()
		m.sumRows()
		m.move("pack", true)
		m.move("unpack", false)
	}
	if err := os.WriteFile(decls, m.declarations(), 0o644); err != nil {
		log.Fatal(err)
	}
	build.Generate()
}
