//go:build amd64 && !purego

package gf

// kernelsOf returns the kernels of a backend that this CPU supports.
func kernelsOf(string) *kernels { return genericKernels }
