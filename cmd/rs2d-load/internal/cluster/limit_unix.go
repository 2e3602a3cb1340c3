//go:build unix

package cluster

import (
	"fmt"
	"syscall"
)

// limitOpenFiles lowers what this process may open, for good. 0 leaves it.
func limitOpenFiles(n uint64) error {
	if n == 0 {
		return nil
	}
	limit := syscall.Rlimit{Cur: n, Max: n}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of %d open files: %w", n, err)
	}
	return nil
}
