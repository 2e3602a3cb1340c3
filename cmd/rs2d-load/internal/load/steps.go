package load

import (
	"cmp"
	"context"
	"maps"
	"math/bits"
	"slices"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/client"
)

// Breakdown is where the time of operations on blobs of about one size went. Steps may go
// on side by side: registration does, beside the upload.
type Breakdown struct {
	Kind  string     `json:"kind"`      // read or write
	Bytes int64      `json:"most_size"` // of the largest of these blobs
	Count int64      `json:"count"`     // of operations that succeeded
	Total float64    `json:"mean_ms"`   // mean time of these
	Steps []StepTime `json:"steps"`     // in the order in which they are taken
}

// StepTime is the mean time of one step, over all operations of a breakdown, and how many of these took it.
type StepTime struct {
	Step  string  `json:"step"`
	Mean  float64 `json:"mean_ms"`
	Count int64   `json:"count"`
}

// StepsOf are the steps of writes and of reads, in their order.
func StepsOf(k Kind) []client.Step {
	if k == Write {
		return []client.Step{client.StepEncode, client.StepRegister, client.StepUpload, client.StepAcknowledge, client.StepCertify}
	}
	return []client.Step{client.StepWithheld, client.StepMetadata, client.StepSlivers, client.StepDecode, client.StepCheck}
}

// stepTimes are the times of one operation's steps. It is safe for concurrent use.
type stepTimes struct {
	mu    sync.Mutex
	steps map[client.Step]time.Duration
}

// traced returns a context of one operation, and its times.
func traced(ctx context.Context) (context.Context, *stepTimes) {
	s := &stepTimes{steps: make(map[client.Step]time.Duration)}
	return client.WithTrace(ctx, func(step client.Step, took time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.steps[step] += took
	}), s
}

// breakdowns collect the times of operations by kind and size. The zero value is empty. It
// is safe for concurrent use.
type breakdowns struct {
	mu  sync.Mutex
	all map[class]*classTimes
}

// class is a kind of operations on blobs whose lengths differ by less than a factor of four.
type class struct {
	kind Kind
	size int // half the bits of the length
}

type classTimes struct {
	count, bytes int64
	total        time.Duration
	steps        map[client.Step]time.Duration
	took         map[client.Step]int64 // operations
}

// add counts an operation that succeeded.
func (b *breakdowns) add(k Kind, bytes int64, total time.Duration, s *stepTimes) {
	if s == nil {
		return
	}
	s.mu.Lock()
	steps := maps.Clone(s.steps)
	s.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = make(map[class]*classTimes)
	}
	at := class{k, (bits.Len64(uint64(max(bytes-1, 0))) + 1) / 2}
	c := b.all[at]
	if c == nil {
		c = &classTimes{steps: make(map[client.Step]time.Duration), took: make(map[client.Step]int64)}
		b.all[at] = c
	}
	c.count++
	c.bytes = max(c.bytes, bytes)
	c.total += total
	for step, took := range steps {
		c.steps[step] += took
		c.took[step]++
	}
}

// list returns all, writes first, and small blobs first.
func (b *breakdowns) list() []Breakdown {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := []Breakdown{}
	classes := slices.SortedFunc(maps.Keys(b.all), func(x, y class) int {
		return cmp.Or(cmp.Compare(y.kind, x.kind), cmp.Compare(x.size, y.size))
	})
	for _, at := range classes {
		c := b.all[at]
		mean := func(d time.Duration) float64 { return d.Seconds() * 1e3 / float64(c.count) }
		one := Breakdown{Kind: at.kind.String(), Bytes: c.bytes, Count: c.count, Total: mean(c.total)}
		for _, step := range StepsOf(at.kind) {
			if took, ok := c.steps[step]; ok {
				one.Steps = append(one.Steps, StepTime{string(step), mean(took), c.took[step]})
			}
		}
		all = append(all, one)
	}
	return all
}

// Breakdowns returns where the time of a load's operations went.
func Breakdowns(l *Load) []Breakdown { return l.recorder.breakdowns.list() }
