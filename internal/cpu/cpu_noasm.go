//go:build purego || !(amd64 || arm64)

package cpu

// detected lists the accelerated backends of this build: none.
func detected() []string { return nil }
