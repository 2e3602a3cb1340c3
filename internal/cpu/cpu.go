// Package cpu is the registry of instruction-set backends that gf and commit
// share: their names, which of them this machine can run, and which one to use
// when the caller names none.
package cpu

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// EnvVar names the environment variable that forces a backend by name.
const EnvVar = "REDSTUFF_CPU"

// Names of the backends. A backend is a set of instructions, not a machine:
// "avx2+gfni" is AVX2 with VEX-encoded GFNI, "avx512" is F, BW, DQ and VL,
// "neon+sha3" is NEON with EOR3 and XAR.
const (
	Generic    = "generic"
	AVX2       = "avx2"
	AVX2GFNI   = "avx2+gfni"
	AVX512     = "avx512"
	AVX512GFNI = "avx512+gfni"
	NEON       = "neon"
	NEONSHA3   = "neon+sha3"
)

// UnsupportedError reports a backend name that this machine or build cannot run.
type UnsupportedError struct {
	Name      string   // the name asked for
	Supported []string // what can be asked for here, best first
	FromEnv   bool     // whether the name came from EnvVar
}

func (e *UnsupportedError) Error() string {
	source := ""
	if e.FromEnv {
		source = EnvVar + ": "
	}
	return fmt.Sprintf("%sbackend %q is not supported here; supported: %s",
		source, e.Name, strings.Join(e.Supported, ", "))
}

// Supported lists the backends this CPU and build can run, best first.
// The last is always Generic.
func Supported() []string {
	return append(detected(), Generic)
}

// Resolve returns the backend to use for the name a caller gave. An empty name
// means the one in the environment variable REDSTUFF_CPU, or else the best.
// The error is an *UnsupportedError.
func Resolve(name string) (string, error) {
	supported := Supported()
	fromEnv := false
	if name == "" {
		if name = os.Getenv(EnvVar); name == "" {
			return supported[0], nil
		}
		fromEnv = true
	}
	if !slices.Contains(supported, name) {
		return "", &UnsupportedError{Name: name, Supported: supported, FromEnv: fromEnv}
	}
	return name, nil
}
