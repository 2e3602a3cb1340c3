// Command gf writes the arm64 assembly of package gf, one file a backend, and
// the Go declarations that go with it.
//
// The kernels are those of asm/gf, which has them for amd64: the same loops and
// the same products by nibble tables, over pairs of 16-byte vectors.
package main

//go:generate go run . -backend neon -out ../../../gf/kernels_neon_arm64.s
//go:generate go run . -backend neon+sha3 -out ../../../gf/kernels_neonsha3_arm64.s

import (
	"flag"
	"log"

	"github.com/redstuff-go/redstuff/asm/arm64/emit"
	"github.com/redstuff-go/redstuff/asm/gf/coset"
	"github.com/redstuff-go/redstuff/asm/gf/signature"
)

// machine is an instruction set.
type machine struct {
	file    *emit.File
	backend string // name in internal/cpu
	suffix  string // of the function names
	eor3    bool   // three-way XOR, which came with the SHA-3 instructions
}

func main() {
	backend := flag.String("backend", "", "name of the backend to write")
	out := flag.String("out", "", "assembly file to write; the Go file goes beside it")
	flag.Parse()
	for _, m := range []machine{
		{backend: "neon", suffix: "NEON"},
		{backend: "neon+sha3", suffix: "NEONSHA3", eor3: true},
	} {
		if m.backend == *backend {
			m.file = emit.NewFile("asm/arm64/gf", "gf")
			m.write()
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

// write emits all kernels of m.
func (m machine) write() {
	f := m.file
	f.Declare("import \"unsafe\"\n\n// kernels%s multiplies by nibble tables", m.suffix)
	if m.eor3 {
		f.Declare(", and adds two products at a time")
	}
	f.Declare(".\nvar kernels%s = &kernels{\n\tname: %q,\n", m.suffix, m.backend)
	f.Declare("\ttable: func() unsafe.Pointer { return unsafe.Pointer(nibbleTables()) },\n")
	f.Declare("\trowTable: func() unsafe.Pointer { return unsafe.Pointer(towerNibbles()) },\n")
	for _, name := range []string{"fft4", "fft2", "ifft4", "ifft2", "turn", "scale", "mulAdd", "mul", "dot", "spread"} {
		f.Declare("\t%s: %s%s,\n", name, name, m.suffix)
	}
	for _, k := range coset.Kernels(rowsHeld) {
		f.Declare("\t%s: %s%s,\n", k.Name(), k.Name(), baseSuffix)
	}
	for _, name := range []string{"pack", "unpack", "xor", "sum"} {
		f.Declare("\t%s: %s%s,\n", name, name, baseSuffix)
	}
	f.Declare("}\n")

	m.butterflies("fft4", butterfly{radix: 4})
	m.butterflies("fft2", butterfly{radix: 2})
	m.butterflies("ifft4", butterfly{radix: 4, inverse: true})
	m.butterflies("ifft2", butterfly{radix: 2, inverse: true})
	m.turn()
	m.scale()
	m.mul("mulAdd", true)
	m.mul("mul", false)
	m.dot()
	m.spread()
	if m.suffix == baseSuffix {
		m.encoders()
		m.declareOrders()
		m.move("pack", true)
		m.move("unpack", false)
		m.xorBytes()
		m.sumRows()
	}
}

// begin starts a kernel.
func (m machine) begin(name string) *kernel {
	k := &kernel{machine: m}
	k.Func = m.file.Func(name+m.suffix, "is the kernel "+name+".", signature.Of(name), 0)
	return k
}
