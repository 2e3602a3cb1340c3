package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/rs2d"
)

// printPeak runs one operation on a blob of size bytes and prints how much memory
// the process had at most. The report starts it as a process of its own, because the
// kernel counts the peak of a process only.
func printPeak(op string, size int) error {
	blob := make([]byte, size)
	work.Fill(blob, 1)
	code, err := rs2d.New(manyShards)
	if err != nil {
		return err
	}
	m := Memory{Work: id2D, Size: size}
	if m.Base, err = resident("VmRSS"); err != nil {
		return err
	}
	if op == "encode" {
		m.Work = encode2D
		encoding, err := code.Encode(blob)
		if err != nil {
			return err
		}
		for i := range manyShards {
			primary, secondary := encoding.Pair(i)
			m.Output += len(primary.Data) + len(secondary.Data)
		}
	} else if _, err = code.ID(blob); err != nil {
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
func measureMemory(sizes []int) ([]Memory, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var list []Memory
	for _, op := range []string{"id", "encode"} {
		for _, size := range sizes {
			var stderr bytes.Buffer
			cmd := exec.Command(self, "--peak", op, "--peak-size", strconv.Itoa(size))
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				return nil, fmt.Errorf("memory of %s, %s: %w: %s", op, bytesName(size), err, stderr.String())
			}
			var m Memory
			if err := json.Unmarshal(out, &m); err != nil {
				return nil, fmt.Errorf("memory of %s, %s: %w", op, bytesName(size), err)
			}
			list = append(list, m)
		}
	}
	return list, nil
}
