// Package race tells the race detector what assembly reads and writes: the
// compiler instruments Go code only. Without the detector it does nothing, and
// costs nothing.
package race

import "unsafe"

// ReadRows tells the race detector that count rows of size bytes are read, the
// first at the beginning of b and each stride bytes after the one before.
func ReadRows(b []byte, stride, size, count int) {
	if Enabled {
		for i := range count {
			Read(unsafe.Pointer(unsafe.SliceData(b[i*stride:])), size)
		}
	}
}

// WriteRows tells it that they are written.
func WriteRows(b []byte, stride, size, count int) {
	if Enabled {
		for i := range count {
			Write(unsafe.Pointer(unsafe.SliceData(b[i*stride:])), size)
		}
	}
}
