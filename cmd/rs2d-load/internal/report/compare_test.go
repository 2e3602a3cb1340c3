package report

import (
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
)

// TestCompare sets a run beside one that reads faster, writes slower, and was told to write
// more at once.
func TestCompare(t *testing.T) {
	a, b := sample(), sample()
	b.Reads.PerSecond, b.Reads.Latency.P50 = 2*a.Reads.PerSecond, a.Reads.Latency.P50/2
	a.Writes.PerSecond, b.Writes.PerSecond = 100, 80
	b.Setup.Concurrency = 9
	b.Steps = []load.Breakdown{{Kind: "write", Bytes: 1 << 20, Count: 1, Total: 50, Steps: []load.StepTime{{Step: "encode", Mean: 12.6}, {Step: "upload", Mean: 50}}}}
	c := Compare(a, b)
	if len(c.Settings) != 1 || c.Settings[0].Name != "operations" {
		t.Errorf("settings that differ: %+v, want the workers", c.Settings)
	}
	worse := make(map[string]float64)
	for _, f := range c.Figures {
		worse[f.Name+" "+f.Unit] = f.Worse()
	}
	for name, want := range map[string]float64{
		"reads ops/s": -1, "writes ops/s": 0.2, "reads p50 ms": -0.5, "reads p99 ms": 0, "write of at most 1.0 MiB: upload ms": 1,
	} {
		if got, ok := worse[name]; !ok || got < want-1e-9 || got > want+1e-9 {
			t.Errorf("%s is worse by %v, %v, want %v", name, got, ok, want)
		}
	}
	if _, ok := worse["read of at most 1.0 MiB: slivers ms"]; ok {
		t.Error("compares what one run has not")
	}
	var out strings.Builder
	if err := c.Text(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"closed loop of 8 workers  closed loop of 9 workers", "2.00× as much: better", "1/1.25 of it: worse", "the same"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("without %q:\n%s", want, &out)
		}
	}
	if c := Compare(new(Result), new(Result)); len(c.Figures) != 0 {
		t.Errorf("figures of nothing: %+v", c.Figures)
	}
}
