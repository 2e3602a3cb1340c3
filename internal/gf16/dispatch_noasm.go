//go:build purego || !(amd64 || arm64)

package gf16

// kernelsOf returns the kernels of a backend that this build supports.
func kernelsOf(string) *kernels { return genericKernels }
