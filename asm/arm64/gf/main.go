// Command gf writes the arm64 assembly of package gf16, one file a backend, and
// the Go declarations that go with it.
//
// The kernels are those of asm/gf, which has them for amd64: the same loops and
// the same products by nibble tables, over pairs of 16-byte vectors.
package main

//go:generate go run . -backend neon -out ../../../internal/gf16/kernels_neon_arm64.s
//go:generate go run . -backend neon+sha3 -out ../../../internal/gf16/kernels_neonsha3_arm64.s

import (
	"flag"
	"log"
	"path/filepath"

	"github.com/redstuff-go/redstuff/asm/arm64/emit"
	"github.com/redstuff-go/redstuff/asm/gf/kernel"
)

// machine is an instruction set.
type machine struct {
	file    *emit.File
	backend string // name in internal/cpu
	suffix  string // of the function names
	eor3    bool   // three-way XOR, which came with the SHA-3 instructions
	known   *kernel.Set
}

func main() {
	backend := flag.String("backend", "", "name of the backend to write")
	out := flag.String("out", "", "assembly file to write, in the folder of package gf16; the Go file goes beside it")
	flag.Parse()
	known, err := kernel.Read(filepath.Dir(*out))
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range []machine{
		{backend: "neon", suffix: "NEON"},
		{backend: "neon+sha3", suffix: "NEONSHA3", eor3: true},
	} {
		if m.backend == *backend {
			m.file, m.known = emit.NewFile("asm/arm64/gf", known.Package), known
			write(m)
			m.file.Write(*out)
			return
		}
	}
	log.Fatalf("no backend is named %q", *backend)
}

// baseSuffix names the kernels that both backends run: those that multiply nothing, and
// the encoders of few parity shards, of whose instructions the three-way XOR would save
// one in seven.
const baseSuffix = "NEON"

// writers are kernels, and what writes each, in the order of the file.
type writers []struct {
	name  string
	write func()
}

// write emits all kernels of m.
func write(m machine) {
	own := writers{
		{"fft4", func() { layers(m, "fft4", 4, false) }},
		{"fft2", func() { layers(m, "fft2", 2, false) }},
		{"ifft4", func() { layers(m, "ifft4", 4, true) }},
		{"ifft2", func() { layers(m, "ifft2", 2, true) }},
		{"toTower", func() { toTower(m) }},
		{"scale", func() { scale(m) }},
		{"mulAdd", func() { mul(m, "mulAdd", true) }},
		{"mul", func() { mul(m, "mul", false) }},
		{"dot", func() { dot(m) }},
		{"mulAddMany", func() { mulAddMany(m) }},
	}
	shared := append(few(m), moving(m)...)
	b := kernel.Backend{
		Name: m.backend, Suffix: m.suffix, Doc: "multiplies by nibble tables", Table: "nibbleTables", Rows: "towerNibbles",
		Kernels: make(map[string]string),
	}
	if m.eor3 {
		b.Doc += ", and adds two products at a time"
	}
	for _, w := range own {
		b.Kernels[w.name] = m.suffix
	}
	for _, w := range shared {
		b.Kernels[w.name] = baseSuffix
	}
	if m.suffix == baseSuffix {
		own = append(own, shared...)
	}
	m.file.Declare("%s", m.known.Declare(b))
	for _, w := range own {
		w.write()
	}
}

// begin starts a kernel.
func (m machine) begin(name string) *multiplier {
	k, known := &multiplier{machine: m}, m.known.Of(name)
	k.Func = m.file.Func(name+m.suffix, known.Doc, known.Params, 0)
	return k
}
