package main

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestSwaps(t *testing.T) {
	for _, test := range []struct {
		line string
		want []string
	}{
		{"\tVPADDD  Z1, Z2, Z3", []string{"\tVPADDD Z3, Z2, Z1", "\tVPADDD Z1, Z3, Z2"}},
		{"\tVPUNPCKLDQ Z1, Z2, Z3", []string{"\tVPUNPCKLDQ Z2, Z1, Z3", "\tVPUNPCKLDQ Z3, Z2, Z1", "\tVPUNPCKLDQ Z1, Z3, Z2"}},
		{"\tVPXORD  Z1, Z1, Z1", nil},
		{"\tVMOVDQU32 (AX)(BX*1), Z1", nil},
		{"\tADDQ    AX, R8", []string{"\tADDQ R8, AX"}},
		{"\tKMOVQ   AX, K1", nil},
		{"\tVPINSRQ $0x01, R9, X2, X3", []string{"\tVPINSRQ $0x01, R9, X3, X2"}},
		{"\tVZEROUPPER", nil},
		{"\t// VPADDD Z1, Z2, Z3", nil},
		{"label:", nil},
	} {
		got := swaps(test.line)
		for i := range got {
			got[i] = strings.Join(strings.Fields(got[i]), " ")
		}
		want := slices.Clone(test.want)
		for i := range want {
			want[i] = strings.Join(strings.Fields(want[i]), " ")
		}
		if !slices.Equal(got, want) {
			t.Errorf("swaps of %q: %q, want %q", test.line, got, want)
		}
	}
}

func TestList(t *testing.T) {
	lines := []string{
		"TEXT ·first(SB), NOSPLIT, $0",
		"\tCALL ·one(SB)",
		"\tCALL ·two(SB)",
		"\tRET",
		"DATA table<>+0(SB)/8, $0x0102030405060708",
	}
	faults := list(lines, rand.New(rand.NewPCG(1, 1)))
	count := map[string]int{}
	for _, f := range faults {
		count[f.kind]++
		switch f.kind {
		case "call":
			if f.in != "first" || f.text == lines[f.line] || !strings.Contains(f.text, "·one(SB)") && !strings.Contains(f.text, "·two(SB)") {
				t.Errorf("%+v is no call of the other function", f)
			}
		case "flip":
			_, hex, _ := strings.Cut(f.text, "$0x")
			value, err := strconv.ParseUint(hex, 16, 64)
			if err != nil || bits.OnesCount64(value^0x0102030405060708) != 1 || f.in != "table" {
				t.Errorf("%+v differs from the table by other than a bit", f)
			}
		}
	}
	if count["call"] != 2 || count["flip"] != 8 || count["swap"] != 0 {
		t.Errorf("%v, want 2 calls and a flip for each of 8 bytes", count)
	}
}
