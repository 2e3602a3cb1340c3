//go:build arm64 && !purego

package cpu

import "github.com/klauspost/cpuid/v2"

// detected lists the accelerated backends of this CPU, best first. The SHA-3
// instructions count for their three-way XOR and their XOR with rotation.
func detected() []string {
	c := &cpuid.CPU
	if !c.Supports(cpuid.ASIMD) {
		return nil
	}
	if c.Supports(cpuid.SHA3) {
		return []string{NEONSHA3, NEON}
	}
	return []string{NEON}
}
