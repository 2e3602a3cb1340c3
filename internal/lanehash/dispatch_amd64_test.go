//go:build !purego

package lanehash

import (
	"testing"
	"unsafe"

	"github.com/redstuff-go/redstuff/internal/cpu"
)

// TestJobLayout holds the offsets by which the assembly reads a job, which go
// vet cannot see.
func TestJobLayout(t *testing.T) {
	var job blake3Job
	for _, field := range []struct {
		name      string
		got, want uintptr
	}{
		{"key", unsafe.Offsetof(job.key), 0},
		{"flags", unsafe.Offsetof(job.flags), 32},
		{"start", unsafe.Offsetof(job.start), 36},
		{"end", unsafe.Offsetof(job.end), 40},
		{"counter", unsafe.Offsetof(job.counter), 44},
		{"step", unsafe.Offsetof(job.step), 48},
	} {
		if field.got != field.want {
			t.Errorf("%s is at %d, the kernels read it at %d", field.name, field.got, field.want)
		}
	}
}

func TestEveryBackendHasKernels(t *testing.T) {
	for _, backend := range cpu.Supported() {
		for _, scheme := range []Scheme{BLAKE3, Walrus} {
			h := mustHasher(t, scheme, backend)
			if (h.Lanes() > 1) != (backend != cpu.Generic) {
				t.Errorf("%v on %s has %d lanes", scheme, backend, h.Lanes())
			}
		}
	}
}
