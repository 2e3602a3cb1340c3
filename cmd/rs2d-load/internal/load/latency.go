package load

import (
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies beyond an hour count as an hour: calls have deadlines far below.
const longest = time.Hour

// newHistogram returns a histogram of microseconds.
func newHistogram(digits int) *hdr.Histogram {
	return hdr.New(1, longest.Microseconds(), digits)
}

// record counts a latency.
func record(h *hdr.Histogram, d time.Duration) {
	// The bounds are the histogram's, so there is no error.
	_ = h.RecordValue(min(max(d, time.Microsecond), longest).Microseconds())
}

// Corrected returns the histogram with what a closed loop omitted while it waited, see
// the package's documentation.
func Corrected(h *hdr.Histogram) *hdr.Histogram {
	out := hdr.New(h.LowestTrackableValue(), h.HighestTrackableValue(), int(h.SignificantFigures()))
	interval := max(h.ValueAtQuantile(50), 1)
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		// Values of the histogram are within its bounds, so there are no errors.
		most := min(bar.To, h.Max())
		_ = out.RecordValues(most, bar.Count)
		for v := most - interval; v >= interval; v -= interval {
			_ = out.RecordValues(v, bar.Count)
		}
	}
	return out
}

// Latency sums a histogram up, in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// summary returns what a histogram says; zeros if there is nothing in it.
func summary(h *hdr.Histogram) Latency {
	ms := func(us int64) float64 { return float64(us) / 1e3 }
	return Latency{P50: ms(h.ValueAtQuantile(50)), P90: ms(h.ValueAtQuantile(90)), P99: ms(h.ValueAtQuantile(99)), Max: ms(h.Max())}
}
