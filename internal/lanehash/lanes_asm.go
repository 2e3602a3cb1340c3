//go:build (amd64 || arm64) && !purego

package lanehash

import "unsafe"

// at returns a pointer to b[i], or to anything where that does not exist, for
// then the kernel reads nothing: a pointer past a slice must not be handed on.
func at(b []byte, i int) *byte {
	if i < len(b) {
		return &b[i]
	}
	return unsafe.SliceData(b)
}
