package emit

import (
	"fmt"
	"strings"
)

// GP is a general-purpose register.
type GP int

func (r GP) String() string { return fmt.Sprintf("R%d", int(r)) }

// ZR is the register that reads as zero.
const ZR = "ZR"

// Vec is a vector register of 16 bytes.
type Vec int

// F is the register as the operand of scalar loads and stores: FMOVQ, FLDPQ.
func (v Vec) F() string { return fmt.Sprintf("F%d", int(v)) }

// B16 … D2 are the register as a vector of bytes, half words, words, and double words.
func (v Vec) B16() string { return v.as("B16") }
func (v Vec) H8() string  { return v.as("H8") }
func (v Vec) S4() string  { return v.as("S4") }
func (v Vec) D2() string  { return v.as("D2") }

func (v Vec) as(arrangement string) string { return fmt.Sprintf("V%d.%s", int(v), arrangement) }

// Lane is one element of the register, such as D[1].
func (v Vec) Lane(element string, i int) string { return fmt.Sprintf("V%d.%s[%d]", int(v), element, i) }

// List is the operand of structure loads and table look-ups: registers that
// follow one another, as vectors of bytes.
func List(regs ...Vec) string {
	names := make([]string, len(regs))
	for i, v := range regs {
		names[i] = v.B16()
	}
	return "[" + strings.Join(names, ", ") + "]"
}

// Imm is an immediate operand.
func Imm(n int) string { return fmt.Sprintf("$%d", n) }

// At is the memory at base plus an offset.
func At(base GP, offset int) string {
	if offset == 0 {
		return fmt.Sprintf("(%v)", base)
	}
	return fmt.Sprintf("%d(%v)", offset, base)
}

// Func is the function being written.
type Func struct {
	file    *File
	offsets map[string]int
	frame   int
	gp      [numGP]bool
	vec     [32]bool
}

// General registers 18 and 27 to 31 belong to the platform, the assembler, the
// Go runtime and the calls.
const numGP = 27

// Func begins a function and declares it. params is a Go parameter list; locals
// is the size of its local memory in bytes, which Local finds.
func (f *File) Func(name, doc, params string, locals int) *Func {
	fn := &Func{file: f, offsets: map[string]int{}}
	fn.gp[18] = true
	size := 0
	var names []string
	for field := range strings.SplitSeq(params, ",") {
		words := strings.Fields(field)
		if len(words) == 0 {
			continue
		}
		names = append(names, words[0])
		if len(words) == 1 {
			continue
		}
		width := 8
		if words[1] == "Elem" {
			width = 2
		}
		for _, n := range names {
			size = (size + width - 1) / width * width
			fn.offsets[n] = size
			size += width
		}
		names = nil
	}
	size = (size + 7) / 8 * 8
	flags := "NOSPLIT"
	if locals > 0 {
		// The link register takes the first 8 bytes, and the rest of the 16 that
		// keep the local memory aligned.
		flags, fn.frame = "0", (locals+15)/16*16+8
	}
	f.Declare("\n// %s %s\n//\n//go:noescape\nfunc %s(%s)\n", name, strings.ReplaceAll(doc, "\n", "\n// "), name, params)
	fmt.Fprintf(&f.asm, "\n// func %s(%s)\nTEXT ·%s(SB), %s, $%d-%d\n", name, params, name, flags, fn.frame, size)
	return fn
}

// Local is the address of the local memory, in a new register.
func (fn *Func) Local() GP {
	r := fn.GP()
	fn.Op("ADD", "$16", "RSP", r)
	return r
}

// Call calls a function of the package that takes nothing from the stack.
func (fn *Func) Call(name string) { fn.Op("CALL", "·"+name+"(SB)") }

// End returns from the function.
func (fn *Func) End() { fn.Op("RET") }

// Op writes an instruction: the operands in the order of Go's assembler, the
// destination last.
func (fn *Func) Op(name string, operands ...any) {
	text := make([]string, len(operands))
	for i, o := range operands {
		text[i] = fmt.Sprint(o)
	}
	line := fmt.Sprintf("\t%s %s", name, strings.Join(text, ", "))
	fmt.Fprintln(&fn.file.asm, strings.TrimRight(line, " "))
}

// Label sets a label.
func (fn *Func) Label(name string) { fmt.Fprintf(&fn.file.asm, "%s:\n", name) }

// Comment writes a comment line.
func (fn *Func) Comment(format string, args ...any) {
	fmt.Fprintf(&fn.file.asm, "\t// "+format+"\n", args...)
}

// Param is the memory operand of a parameter.
func (fn *Func) Param(name string) string {
	offset, ok := fn.offsets[name]
	if !ok {
		panic("no parameter " + name)
	}
	return fmt.Sprintf("%s+%d(FP)", name, offset)
}

// Load loads a parameter of 8 bytes into a new register.
func (fn *Func) Load(name string) GP {
	r := fn.GP()
	fn.Op("MOVD", fn.Param(name), r)
	return r
}

// GP takes a general register, Vec a vector register, until they are freed.
func (fn *Func) GP() GP { return GP(take(fn.gp[:])) }

// Vec takes a vector register.
func (fn *Func) Vec() Vec { return Vec(take(fn.vec[:])) }

// Vecs takes n vector registers.
func (fn *Func) Vecs(n int) []Vec {
	v := make([]Vec, n)
	for i := range v {
		v[i] = fn.Vec()
	}
	return v
}

func take(used []bool) int {
	for i := range used {
		if !used[i] {
			used[i] = true
			return i
		}
	}
	panic("out of registers")
}

// Free gives general registers back.
func (fn *Func) Free(regs ...GP) {
	for _, r := range regs {
		give(fn.gp[:], int(r))
	}
}

// FreeVec gives vector registers back.
func (fn *Func) FreeVec(regs ...Vec) {
	for _, v := range regs {
		give(fn.vec[:], int(v))
	}
}

func give(used []bool, i int) {
	if !used[i] {
		panic("a register is freed twice")
	}
	used[i] = false
}
