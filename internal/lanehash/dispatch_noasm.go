//go:build purego || !(amd64 || arm64)

package lanehash

// kernelsOf returns the kernels of a backend that this build supports.
func kernelsOf(string) *kernels { return genericKernels }
