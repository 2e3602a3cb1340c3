package cpu

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestSupportedEndsWithGeneric(t *testing.T) {
	s := Supported()
	if s[len(s)-1] != Generic {
		t.Fatalf("Supported() = %v: the last must be %q", s, Generic)
	}
}

func TestResolve(t *testing.T) {
	t.Setenv(EnvVar, "")
	if got, err := Resolve(""); err != nil || got != Supported()[0] {
		t.Errorf("Resolve(\"\") = %q, %v; want the best backend", got, err)
	}
	t.Setenv(EnvVar, Generic)
	if got, err := Resolve(""); err != nil || got != Generic {
		t.Errorf("with %s=%s: Resolve(\"\") = %q, %v", EnvVar, Generic, got, err)
	}
	if best := Supported()[0]; best != Generic {
		if got, err := Resolve(best); err != nil || got != best {
			t.Errorf("a name given by the caller must win: %q, %v", got, err)
		}
	}
	t.Setenv(EnvVar, "mmx")
	_, err := Resolve("")
	var unsupported *UnsupportedError
	if !errors.As(err, &unsupported) || !unsupported.FromEnv || unsupported.Name != "mmx" {
		t.Fatalf("Resolve with an unknown name in the environment: %v", err)
	}
	for _, want := range append(Supported(), EnvVar, "mmx") {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %q", err, want)
		}
	}
}

// requiredEnv lists, separated by commas, the backends that must be present:
// a continuous-integration machine fails, and does not skip, when one is gone.
const requiredEnv = "REDSTUFF_REQUIRE"

func TestRequiredBackends(t *testing.T) {
	for name := range strings.SplitSeq(os.Getenv(requiredEnv), ",") {
		if name != "" && !slices.Contains(Supported(), name) {
			t.Errorf("%s asks for backend %q; this machine has %v", requiredEnv, name, Supported())
		}
	}
}
