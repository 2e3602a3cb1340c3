//go:build unix

package node_test

import (
	"syscall"
	"testing"
)

// processor returns the milliseconds of processor time that this process has used.
func processor(b *testing.B) float64 {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e6
}

// processorTime has a benchmark report the processor time of an operation, in this
// process, when what it returns is called.
func processorTime(b *testing.B) (report func()) {
	before := processor(b)
	return func() { b.ReportMetric((processor(b)-before)/float64(b.N), "cpu-ms/op") }
}
