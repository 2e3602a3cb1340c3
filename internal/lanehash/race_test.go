//go:build race

package lanehash

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// instrumentedCalls runs every method that hands memory to a kernel: in is read and out
// is written.
var instrumentedCalls = []struct {
	name string
	run  func(h *Hasher, out, in []byte)
}{
	{"Leaves", func(h *Hasher, out, in []byte) { h.Leaves(out, HashSize, in, 128, 128, len(in)/128) }},
	{"Nodes", func(h *Hasher, out, in []byte) { h.Nodes(out, in, in[HashSize:], 2*HashSize, len(in)/64) }},
	{"PairLeaves", func(h *Hasher, out, in []byte) { h.PairLeaves(out, in, len(in)/64) }},
	{"FoldColumnsInto", func(h *Hasher, out, in []byte) {
		const cols = 16
		h.FoldColumnsInto(out, in, len(in)/(cols*HashSize), cols)
	}},
	{"LeafBatch", func(h *Hasher, out, in []byte) {
		b := h.NewLeafBatch()
		b.Reset(len(in)/4, 4)
		b.Write(in, len(in)/4, LeafPiece)
		b.Write(in[LeafPiece:], len(in)/4, len(in)/4-LeafPiece)
		b.Sum(out, HashSize)
	}},
}

const raceEnv = "REDSTUFF_TEST_RACE" // what a child process is to race on

// TestRaceDetectorSeesKernels runs in a child process for every method a goroutine
// that calls it beside one that writes what it reads, and one beside one that
// reads what it writes.
func TestRaceDetectorSeesKernels(t *testing.T) {
	if name := os.Getenv(raceEnv); name != "" {
		raceOn(t, name)
		return
	}
	for _, call := range instrumentedCalls {
		for _, scheme := range []Scheme{BLAKE3, Walrus} {
			for _, end := range []string{"in", "out", "none"} {
				name := call.name + "/" + scheme.String() + "/" + end
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					child := exec.Command(os.Args[0], "-test.run=^TestRaceDetectorSeesKernels$")
					child.Env = append(os.Environ(), raceEnv+"="+name)
					out, err := child.CombinedOutput()
					if seen := bytes.Contains(out, []byte("DATA RACE")); seen != (end != "none") || seen != (err != nil) {
						t.Errorf("race seen: %v; the child: %v\n%s", seen, err, out)
					}
				})
			}
		}
	}
}

// raceOn calls the named method of one hasher from two goroutines on the same
// input. Beside them it writes the input's last byte, or reads the first of an
// output, or neither.
func raceOn(t *testing.T, name string) {
	parts := strings.Split(name, "/")
	scheme := BLAKE3
	if parts[1] == Walrus.String() {
		scheme = Walrus
	}
	h := mustHasher(t, scheme, "")
	for _, call := range instrumentedCalls {
		if call.name != parts[0] {
			continue
		}
		in := make([]byte, 4*(LeafPiece+512))
		outs := [2][]byte{make([]byte, len(in)), make([]byte, len(in))}
		var wg sync.WaitGroup
		for _, out := range outs {
			wg.Go(func() { call.run(h, out, in) })
		}
		switch parts[2] {
		case "in":
			in[len(in)-1] = 1
		case "out":
			t.Log(outs[0][0])
		}
		wg.Wait()
	}
}
