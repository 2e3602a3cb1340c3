package load

import (
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Point is what happened in one span of the run, by the end of operations.
type Point struct {
	Seconds float64      `json:"s"` // from the start to the span's middle
	Reads   SeriesCounts `json:"reads"`
	Writes  SeriesCounts `json:"writes"`
}

// SeriesCounts is what happened to operations of one kind.
type SeriesCounts struct {
	Count  int64   `json:"count"`
	Errors int64   `json:"errors"`
	MBps   float64 `json:"mb_per_s"`
	P50    float64 `json:"p50_ms"`
	P90    float64 `json:"p90_ms"`
	P99    float64 `json:"p99_ms"`
	Max    float64 `json:"max_ms"`
}

// maxPoints bounds the points of a series. What ends later counts for the last.
const maxPoints = 100

// series collects operations of one kind by time.
type series struct {
	width time.Duration
	spans []span
}

type span struct {
	count, errors, bytes int64
	latency              *hdr.Histogram // nil if there is nothing in it
}

// newSeries returns a series of a run that lasts about so long.
func newSeries(length time.Duration) *series {
	return &series{width: max(length/(maxPoints/2), 50*time.Millisecond)}
}

// add counts an operation that ended at some time from the start.
func (s *series) add(at, latency time.Duration, bytes int64, failed bool) {
	i := min(int(max(at, 0)/s.width), maxPoints-1)
	for len(s.spans) <= i {
		s.spans = append(s.spans, span{})
	}
	p := &s.spans[i]
	p.count++
	p.bytes += bytes
	if failed {
		p.errors++
	}
	if p.latency == nil {
		p.latency = newHistogram(2)
	}
	record(p.latency, latency)
}

// counts returns point i.
func (s *series) counts(i int) SeriesCounts {
	if i >= len(s.spans) || s.spans[i].count == 0 {
		return SeriesCounts{}
	}
	p := &s.spans[i]
	l := summary(p.latency)
	return SeriesCounts{
		Count: p.count, Errors: p.errors, MBps: float64(p.bytes) / 1e6 / s.width.Seconds(),
		P50: l.P50, P90: l.P90, P99: l.P99, Max: l.Max,
	}
}

// rate returns how many operations a second succeeded between two times from the start, by
// the spans of which they have a part: of each span, that part of its operations counts.
func (s *series) rate(from, to time.Duration) float64 {
	from = max(0, from)
	if to <= from {
		return 0
	}
	good := 0.0
	for i := int(from / s.width); i < len(s.spans) && time.Duration(i)*s.width < to; i++ {
		begin := time.Duration(i) * s.width
		part := min(to, begin+s.width) - max(from, begin)
		good += float64(s.spans[i].count-s.spans[i].errors) * float64(part) / float64(s.width)
	}
	return good / (to - from).Seconds()
}

// points joins the series of reads and writes, which have the same width.
func points(reads, writes *series) []Point {
	var all []Point
	for i := range max(len(reads.spans), len(writes.spans)) {
		all = append(all, Point{
			Seconds: (float64(i) + 0.5) * reads.width.Seconds(), Reads: reads.counts(i), Writes: writes.counts(i),
		})
	}
	return all
}
