//go:build race

package race

import (
	"runtime"
	"unsafe"
)

// Enabled tells whether the race detector is on.
const Enabled = true

// Read tells the race detector that the n bytes at p are read.
func Read(p unsafe.Pointer, n int) {
	if n > 0 {
		runtime.RaceReadRange(p, n)
	}
}

// Write tells it that they are written.
func Write(p unsafe.Pointer, n int) {
	if n > 0 {
		runtime.RaceWriteRange(p, n)
	}
}
