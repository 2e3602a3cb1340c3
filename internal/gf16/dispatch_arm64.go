//go:build arm64 && !purego

package gf16

import "github.com/redstuff-go/redstuff/internal/cpu"

// kernelsOf returns the kernels of a backend that this CPU supports.
func kernelsOf(name string) *kernels {
	switch name {
	case cpu.NEONSHA3:
		return kernelsNEONSHA3
	case cpu.NEON:
		return kernelsNEON
	}
	return genericKernels
}
