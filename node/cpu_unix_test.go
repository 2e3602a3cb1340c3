//go:build unix

package node_test

import (
	"syscall"
	"testing"
)

// processorTime has a benchmark report the processor time of an operation, in this
// process, when what it returns is called.
func processorTime(b *testing.B) (report func()) {
	used := func() float64 {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e6
	}
	before := used()
	return func() { b.ReportMetric((used()-before)/float64(b.N), "cpu-ms/op") }
}
