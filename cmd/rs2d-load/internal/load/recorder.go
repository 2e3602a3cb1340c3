package load

import (
	"fmt"
	"math"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Kind is reads or writes.
type Kind int

const (
	Read Kind = iota
	Write
)

func (k Kind) String() string { return [...]string{"read", "write"}[k] }

// Operations sums up all operations of one kind.
type Operations struct {
	Count      int64   `json:"count"`
	Errors     int64   `json:"errors"`
	NotBegun   int64   `json:"not_begun"` // due before the end, with a rate, but never begun
	Bytes      int64   `json:"bytes"`     // of blobs, of operations that succeeded
	PerSecond  float64 `json:"per_s"`
	MBps       float64 `json:"mb_per_s"`
	Latency    Latency `json:"latency_ms"`         // corrected for coordinated omission
	Measured   Latency `json:"service_latency_ms"` // from the begin of each operation, not corrected
	EncodingMs float64 `json:"encoding_ms"`        // mean time of writes that encoding took
	Spread     []Bin   `json:"distribution"`       // of the corrected latencies
}

// Bin is how many latencies are at most so long, and longer than those of the bin before.
type Bin struct {
	Most  float64 `json:"most_ms"`
	Count int64   `json:"count"`
}

// bins sorts what is in a histogram of microseconds into bins of a fifth of an octave.
func bins(h *hdr.Histogram) []Bin {
	all := []Bin{}
	last := math.MinInt
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		const perOctave = 5
		at := int(math.Ceil(perOctave * math.Log2(float64(min(bar.To, h.Max())))))
		if at != last {
			all = append(all, Bin{Most: math.Exp2(float64(at)/perOctave) / 1e3})
			last = at
		}
		all[len(all)-1].Count += bar.Count
	}
	return all
}

// recorder collects what operations did. It is safe for concurrent use.
type recorder struct {
	start time.Time
	open  bool // with a rate

	mu       sync.Mutex
	kinds    [2]kindRecord
	last     time.Duration // when the last operation ended, from the start
	messages []string      // of errors, the first few

	breakdowns breakdowns
}

type kindRecord struct {
	Operations
	service, response *hdr.Histogram
	series            *series
	encoding          time.Duration
}

// maxMessages bounds the errors that are kept.
const maxMessages = 10

func newRecorder(start time.Time, length time.Duration, open bool) *recorder {
	r := &recorder{start: start, open: open}
	for k := range r.kinds {
		r.kinds[k] = kindRecord{service: newHistogram(3), response: newHistogram(3), series: newSeries(length)}
	}
	return r
}

// outcome is what an operation did.
type outcome struct {
	bytes    int64
	encoding time.Duration
	steps    *stepTimes    // nil if nobody has looked
	apart    time.Duration // spent on making and comparing bytes, which is no part of its latency
	err      error
}

// done counts an operation that was due and began at the given times, and ends now.
func (r *recorder) done(k Kind, due, began time.Time, o outcome) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.kinds[k]
	s.Count++
	record(s.service, now.Sub(began)-o.apart)
	record(s.response, now.Sub(due)-o.apart)
	if o.err != nil {
		s.Errors++
		r.note(fmt.Sprintf("%v: %v", k, o.err))
	} else {
		s.Bytes += o.bytes
		s.encoding += o.encoding
		r.breakdowns.add(k, o.bytes, now.Sub(began)-o.apart, o.steps)
	}
	at := now.Sub(r.start)
	s.series.add(at, now.Sub(due)-o.apart, o.bytes, o.err != nil)
	r.last = max(r.last, at)
}

// notBegun counts an operation that was due and will not begin.
func (r *recorder) notBegun(k Kind, due, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kinds[k].NotBegun++
	record(r.kinds[k].response, now.Sub(due))
}

// note keeps a message. r.mu is held.
func (r *recorder) note(message string) {
	if len(r.messages) < maxMessages {
		r.messages = append(r.messages, message)
	}
}

// operations sums up one kind.
func (r *recorder) operations(k Kind) Operations {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.kinds[k]
	o := s.Operations
	if seconds := r.last.Seconds(); seconds > 0 {
		o.PerSecond = float64(o.Count-o.Errors) / seconds
		o.MBps = float64(o.Bytes) / 1e6 / seconds
	}
	o.Measured = summary(s.service)
	corrected := s.response
	if !r.open {
		corrected = Corrected(s.service)
	}
	o.Latency, o.Spread = summary(corrected), bins(corrected)
	if good := o.Count - o.Errors; good > 0 {
		o.EncodingMs = s.encoding.Seconds() * 1e3 / float64(good)
	}
	return o
}
