package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const kernels = `package field

import "unsafe"

type kernels struct {
	name  string
	table func() unsafe.Pointer

	fft, ifft transform
	pass      func(args passArgs, c Elem)
	fence     func()
	own       func(n int)
	few       func(n int)
}

type transform = func(dst, src unsafe.Pointer, n int)

type passArgs struct {
	dst, src unsafe.Pointer
	list     *[]byte
	n        int
}
`

const generic = `package field

var genericKernels = &kernels{fft: fftGeneric, ifft: ifftGeneric, pass: passGeneric, fence: fenceGeneric, few: fewGeneric(2)}
`

func source(t *testing.T, kernels string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"kernels.go": kernels, "kernels_generic.go": generic} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRead(t *testing.T) {
	set, err := Read(source(t, kernels))
	if err != nil {
		t.Fatal(err)
	}
	if set.Package != "field" {
		t.Errorf("the package is %q, want field", set.Package)
	}
	const transform = "dst, src unsafe.Pointer, n int"
	want := []Kernel{
		{"fft", transform, "dst, src *byte, n int", "works like fftGeneric."},
		{"ifft", transform, "dst, src *byte, n int", "works like ifftGeneric."},
		{"pass", "args passArgs, c Elem", "args_dst, args_src *byte, args_list *byte, args_n int, c uint16", "works like passGeneric."},
		{"fence", "", "", "works like fenceGeneric."},
		{"own", "n int", "n int", "is the kernel own, which only some backends have."},
		{"few", "n int", "n int", "works like fewGeneric."},
	}
	if len(set.Kernels) != len(want) {
		t.Fatalf("%d kernels, want %d: %+v", len(set.Kernels), len(want), set.Kernels)
	}
	for i, k := range set.Kernels {
		if k != want[i] {
			t.Errorf("kernel %d is\n%+v, want\n%+v", i, k, want[i])
		}
		if set.Of(k.Name) != k {
			t.Errorf("%s is found as %+v", k.Name, set.Of(k.Name))
		}
	}

	table := set.Declare(Backend{Name: "wide", Suffix: "Wide", Doc: "is wide", Table: "t", Rows: "r",
		Kernels: map[string]string{"fft": "Wide", "few": "Narrow"}})
	for _, line := range []string{"\tfft: fftWide,\n", "\tfew: fewNarrow,\n", "name: \"wide\""} {
		if !strings.Contains(table, line) {
			t.Errorf("%q is not in the table:\n%s", line, table)
		}
	}
	if strings.Contains(table, "ifft") {
		t.Errorf("a kernel that the backend does not have is in the table:\n%s", table)
	}
}

func TestReadFindsNoTable(t *testing.T) {
	if _, err := Read(source(t, strings.Replace(kernels, "type kernels struct", "type others struct", 1))); err == nil {
		t.Error("a package without a table of kernels is read")
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("a folder without sources is read")
	}
}
