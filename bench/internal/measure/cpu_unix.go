//go:build unix

package measure

import (
	"syscall"
	"time"
)

// processorTime returns the time that all threads of this process have spent on
// processors.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
