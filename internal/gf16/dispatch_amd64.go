//go:build amd64 && !purego

package gf16

import "github.com/redstuff-go/redstuff/internal/cpu"

// kernelsOf returns the kernels of a backend that this CPU supports.
func kernelsOf(name string) *kernels {
	switch name {
	case cpu.AVX512GFNI:
		return kernelsAVX512GFNI
	case cpu.AVX512:
		return kernelsAVX512
	case cpu.AVX2GFNI:
		return kernelsAVX2GFNI
	case cpu.AVX2:
		return kernelsAVX2
	}
	return genericKernels
}
