//go:build race

package gf16

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// instrumentedCalls runs every method of the engine that hands memory to a kernel: in
// is read and out is written.
var instrumentedCalls = []struct {
	name  string
	run   func(e *Engine, out, in []byte)
	spoil bool // in is written too, so that calls may not share it
}{
	{"Xor", func(e *Engine, out, in []byte) { e.Xor(out, in) }, false},
	{"Mul", func(e *Engine, out, in []byte) { e.Mul(out, in, 3) }, false},
	{"MulAdd", func(e *Engine, out, in []byte) { e.MulAdd(out, in, 3) }, false},
	{"Dot", func(e *Engine, out, in []byte) { e.Dot(out, [][]byte{in}, 0, []Elem{3}) }, false},
	{"MulAddMany", func(e *Engine, out, in []byte) { e.MulAddMany([][]byte{out}, 0, in, []Elem{3}) }, false},
	{"Scale", func(e *Engine, out, in []byte) { e.Scale(out, in, len(in)/4, []Elem{3, 5}) }, false},
	{"Pack", func(e *Engine, out, in []byte) { e.Pack(out, len(in)/2, [][]byte{in}, 0, 64, 64, len(in)/64) }, false},
	{"IFFTFrom", func(e *Engine, out, in []byte) {
		e.IFFTFrom(out, out, BlockSize/2, len(in)/BlockSize, 0, blocks(in), 0)
	}, false},
	{"FFTTo", func(e *Engine, out, in []byte) {
		e.FFTTo(blocks(out), 0, make([]byte, len(in)), in, BlockSize/2, len(in)/BlockSize, 0, false)
	}, false},
	{"FewEncoder", func(e *Engine, out, in []byte) {
		const n = instrumentedBytes / BlockSize
		NewFewEncoder(e, n, n).Encode(blocks(out), blocks(in), 0, BlockSize, nil)
	}, false},
	{"FewEncoder to one", func(e *Engine, out, in []byte) {
		NewFewEncoder(e, 1, 2).Encode([][]byte{out}, [][]byte{in, in}, 0, len(in), nil)
	}, false},
	{"Unpack", func(e *Engine, out, in []byte) { e.Unpack([][]byte{out}, 0, 64, 64, len(in)/64, in, len(in)/2) }, true},
}

const (
	instrumentedBytes = 512
	raceEnv           = "REDSTUFF_TEST_RACE" // what a child process is to race on
)

// TestRaceDetectorSeesKernels runs in a child process for every method a goroutine
// that calls it beside one that writes what it reads, and one beside one that
// reads what it writes.
func TestRaceDetectorSeesKernels(t *testing.T) {
	if name := os.Getenv(raceEnv); name != "" {
		raceOn(t, name)
		return
	}
	for _, call := range instrumentedCalls {
		for _, end := range []string{"in", "out", "none"} {
			t.Run(call.name+"/"+end, func(t *testing.T) {
				t.Parallel()
				child := exec.Command(os.Args[0], "-test.run=^TestRaceDetectorSeesKernels$")
				child.Env = append(os.Environ(), raceEnv+"="+call.name+"/"+end)
				out, err := child.CombinedOutput()
				if seen := bytes.Contains(out, []byte("DATA RACE")); seen != (end != "none") || seen != (err != nil) {
					t.Errorf("race seen: %v; the child: %v\n%s", seen, err, out)
				}
			})
		}
	}
}

// raceOn calls the named method from two goroutines, if possible on the same input.
// Beside them it writes the input's last byte, or reads that of an output, or neither.
func raceOn(t *testing.T, name string) {
	e, err := NewEngine("")
	if err != nil {
		t.Fatal(err)
	}
	method, end, _ := strings.Cut(name, "/")
	for _, call := range instrumentedCalls {
		if call.name != method {
			continue
		}
		in := make([]byte, instrumentedBytes)
		outs := [2][]byte{make([]byte, instrumentedBytes), make([]byte, instrumentedBytes)}
		var wg sync.WaitGroup
		for i, out := range outs {
			from := in
			if call.spoil && i > 0 {
				from = make([]byte, instrumentedBytes)
			}
			wg.Go(func() { call.run(e, out, from) })
		}
		switch end {
		case "in":
			in[instrumentedBytes-1] = 1
		case "out":
			t.Log(outs[0][instrumentedBytes-1])
		}
		wg.Wait()
	}
}

// blocks cuts b into natural blocks.
func blocks(b []byte) [][]byte { return slices.Collect(slices.Chunk(b, BlockSize)) }
