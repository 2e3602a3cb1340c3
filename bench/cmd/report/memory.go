package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/rs2d"
)

// peaks are the operations whose memory is measured: they return the bytes of their
// result.
var peaks = map[string]func(code *rs2d.Code, blob []byte, size int) (output int, err error){
	id2D: func(code *rs2d.Code, blob []byte, _ int) (int, error) {
		_, err := code.ID(blob)
		return 0, err
	},
	encode2D: func(code *rs2d.Code, blob []byte, _ int) (output int, err error) {
		encoding, err := code.Encode(blob)
		if err != nil {
			return 0, err
		}
		for i := range manyShards {
			primary, secondary := encoding.Pair(i)
			output += len(primary.Data) + len(secondary.Data)
		}
		return output, nil
	},
	stream2D: func(code *rs2d.Code, _ []byte, size int) (int, error) {
		_, err := code.EncodeTo(context.Background(), drain{}, zeros{}, int64(size))
		return 0, err
	},
}

// peakPlan lists what is measured of them. The last blob is larger than memory should
// have to be; where int has 32 bits, there is none so large.
func peakPlan() []Memory {
	plan := []Memory{
		{Work: id2D, Size: 32 << 20}, {Work: id2D, Size: 256 << 20},
		{Work: encode2D, Size: 32 << 20}, {Work: encode2D, Size: 256 << 20},
	}
	if large := int64(4 << 30); math.MaxInt > large {
		plan = append(plan, Memory{Work: stream2D, Size: int(large)})
	}
	return plan
}

// zeros is a blob without end, and drain a sink that keeps nothing.
type (
	zeros struct{}
	drain struct{}
)

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

func (drain) WriteSliverAt(rs2d.SliverRef, []byte, int64) error { return nil }

// printPeak runs one operation on a blob of size bytes and prints how much memory
// the process had at most. The report starts it as a process of its own, because the
// kernel counts the peak of a process only.
func printPeak(name string, size int) error {
	run := peaks[name]
	if run == nil {
		return fmt.Errorf("no operation %q", name)
	}
	var blob []byte
	if name != stream2D {
		blob = make([]byte, size)
		work.Fill(blob, 1)
	}
	code, err := rs2d.New(manyShards)
	if err != nil {
		return err
	}
	m := Memory{Work: name, Size: size}
	if m.Base, err = resident("VmRSS"); err != nil {
		return err
	}
	if m.Output, err = run(code, blob, size); err != nil {
		return err
	}
	runtime.KeepAlive(blob)
	if m.Peak, err = resident("VmHWM"); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(m)
}

// resident returns a figure of /proc/self/status in bytes.
func resident(name string) (int, error) {
	value := field("/proc/self/status", name)
	kilobytes, err := strconv.Atoi(strings.TrimSuffix(value, " kB"))
	if err != nil {
		return 0, fmt.Errorf("%s of this process: %w", name, err)
	}
	return kilobytes << 10, nil
}

// measureMemory has printPeak run for each operation.
func measureMemory() ([]Memory, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var list []Memory
	for _, m := range peakPlan() {
		what := fmt.Sprintf("memory of %s, %s", m.Work, bytesName(m.Size))
		var stderr bytes.Buffer
		cmd := exec.Command(self, "--out", ".", "--peak", m.Work, "--peak-size", strconv.Itoa(m.Size))
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("%s: %w: %s", what, err, stderr.String())
		}
		if err := json.Unmarshal(out, &m); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		list = append(list, m)
	}
	return list, nil
}
