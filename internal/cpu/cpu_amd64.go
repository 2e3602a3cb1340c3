//go:build amd64 && !purego

package cpu

import "github.com/klauspost/cpuid/v2"

// detected lists the accelerated backends of this CPU, best first.
func detected() []string {
	c := &cpuid.CPU
	avx512 := c.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL)
	avx2 := c.Supports(cpuid.AVX2)
	gfni := c.Supports(cpuid.GFNI)
	var names []string
	if avx512 && gfni {
		names = append(names, AVX512GFNI)
	}
	if avx512 {
		names = append(names, AVX512)
	}
	if avx2 && gfni {
		names = append(names, AVX2GFNI)
	}
	if avx2 {
		names = append(names, AVX2)
	}
	return names
}
