package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
)

// Config says what to do. Client, Sizes, Concurrency and Timeout must be set.
type Config struct {
	Client       *client.Client
	Seed         uint64
	Sizes        Sizes
	Reads        float64       // share of reads among operations
	Duplicates   float64       // share of writes that write what was written before
	Inconsistent float64       // share of writes that are encoded wrongly
	Concurrency  int           // operations at once
	Rate         float64       // operations a second that are due; 0 for a closed loop
	Verify       bool          // compare every byte read with what was written
	Timeout      time.Duration // of an operation
}

// Load is a run. Its methods are to be called in their order.
type Load struct {
	Config
	contents contents
	pool     pool
	next     atomic.Uint64 // blob

	recorder *recorder
	blobs    struct {
		duplicates, inconsistent, refused, wrong, unreadable, checked, unchecked, incomplete atomic.Int64
	}
}

// New returns a run that has not begun.
func New(c Config) *Load {
	return &Load{Config: c, contents: contents{c.Seed, c.Sizes}}
}

// Blobs is what became of the blobs.
type Blobs struct {
	Acknowledged int64 `json:"acknowledged"` // different ones
	Duplicates   int64 `json:"duplicates"`   // writes of what was there
	Inconsistent int64 `json:"inconsistent"` // of the acknowledged ones, encoded wrongly
	Refused      int64 `json:"refused"`      // reads of inconsistent ones that were told so
	Checked      int64 `json:"checked"`      // read back at the end
	Unchecked    int64 `json:"unchecked"`    // not read back at the end, for want of time
	Unreadable   int64 `json:"unreadable"`   // reads of acknowledged ones that failed
	Wrong        int64 `json:"wrong"`        // reads that gave wrong bytes
	Incomplete   int64 `json:"incomplete"`   // nodes that should have had all of a checked blob, and had not
}

// errWrong: the bytes read are not those that were written.
var errWrong = errors.New("wrong bytes")

// Preload stores some blobs, so that there is something to read. The error is that of
// the first write that failed.
func (l *Load) Preload(ctx context.Context, count int) error {
	var left atomic.Int64
	left.Store(int64(count))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for range min(l.Concurrency, count) {
		all.Go(func() {
			for left.Add(-1) >= 0 && ctx.Err() == nil {
				if o := l.writeNew(ctx, false); o.err != nil {
					cancel(fmt.Errorf("first blobs: %w", o.err))
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// Run reads and writes for the duration, and waits for what it has begun. It ends early
// with the context.
func (l *Load) Run(ctx context.Context, start time.Time, duration time.Duration) {
	l.recorder = newRecorder(start, duration, l.Rate > 0)
	end := start.Add(duration)
	var ticket atomic.Int64
	var all sync.WaitGroup
	for worker := range l.Concurrency {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(l.Seed, 1+uint64(worker)))
			for {
				due := time.Now()
				if l.Rate > 0 {
					due = start.Add(time.Duration(float64(ticket.Add(1)-1) / l.Rate * float64(time.Second)))
				}
				if !due.Before(end) {
					return
				}
				if pause.For(ctx, time.Until(due)) != nil {
					return
				}
				kind, s := l.choose(rng)
				began := time.Now()
				if !began.Before(end) {
					l.recorder.notBegun(kind, due, began)
					continue
				}
				o := l.do(ctx, kind, s, rng)
				if ctx.Err() != nil {
					return
				}
				l.recorder.done(kind, due, began, o)
			}
		})
	}
	all.Wait()
}

// choose draws what to do next: what to read, if that is it.
func (l *Load) choose(rng *rand.Rand) (Kind, stored) {
	if rng.Float64() < l.Reads {
		if s, ok := l.pool.pick(rng); ok {
			return Read, s
		}
	}
	return Write, stored{}
}

// do reads a blob that was acknowledged, or writes one.
func (l *Load) do(ctx context.Context, kind Kind, s stored, rng *rand.Rand) outcome {
	if kind == Read {
		return l.read(ctx, s)
	}
	switch draw := rng.Float64(); {
	case draw < l.Duplicates:
		if s, ok := l.pool.pick(rng); ok && !s.wrong {
			l.blobs.duplicates.Add(1)
			_, o := l.write(ctx, s.k)
			return o
		}
	case draw < l.Duplicates+l.Inconsistent:
		return l.writeNew(ctx, true)
	}
	return l.writeNew(ctx, false)
}

// writeNew writes a blob that was not there before.
func (l *Load) writeNew(ctx context.Context, wrong bool) (o outcome) {
	s := stored{k: l.next.Add(1), wrong: wrong}
	if wrong {
		s.id, o = l.writeWrong(ctx, s.k)
	} else {
		s.id, o = l.write(ctx, s.k)
	}
	if o.err != nil {
		return o
	}
	if wrong {
		l.blobs.inconsistent.Add(1)
	}
	l.pool.add(s)
	return o
}

// write stores blob k.
func (l *Load) write(ctx context.Context, k uint64) (commit.BlobID, outcome) {
	began := time.Now()
	blob := l.contents.make(k)
	o := outcome{bytes: int64(len(blob)), apart: time.Since(began)}
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	ctx, o.steps = traced(ctx)
	receipt, err := l.Client.Store(ctx, blob)
	if err != nil {
		o.err = err
		return commit.BlobID{}, o
	}
	o.encoding = receipt.Encoding
	return receipt.ID, o
}

// writeWrong stores blob k, encoded wrongly.
func (l *Load) writeWrong(ctx context.Context, k uint64) (commit.BlobID, outcome) {
	began := time.Now()
	blob := l.contents.make(k)
	meta, pair, err := encodeWrong(l.Client.Code(), blob)
	o := outcome{bytes: int64(len(blob)), apart: time.Since(began), err: err}
	if err != nil {
		return commit.BlobID{}, o
	}
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	receipt, err := l.Client.StoreEncoding(ctx, meta, pair)
	if err != nil {
		o.err = err
		return commit.BlobID{}, o
	}
	return receipt.ID, o
}

// read reads a blob. Of an inconsistent one, the right answer is that it is.
func (l *Load) read(ctx context.Context, s stored) outcome {
	timed, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	timed, steps := traced(timed)
	got, err := l.Client.Read(timed, s.id)
	switch {
	case ctx.Err() != nil:
		return outcome{err: ctx.Err()}
	case s.wrong && errors.Is(err, client.ErrInconsistent):
		l.blobs.refused.Add(1)
		return outcome{}
	case err != nil:
		l.blobs.unreadable.Add(1)
		return outcome{err: fmt.Errorf("blob %v: %w", s.id, err)}
	}
	o := outcome{bytes: int64(len(got)), steps: steps}
	began := time.Now()
	if s.wrong || l.Verify && !l.contents.is(s.k, got) {
		l.blobs.wrong.Add(1)
		o.err = fmt.Errorf("blob %v: %w", s.id, errWrong)
	}
	o.apart = time.Since(began)
	return o
}

// Check reads back every blob that was acknowledged, until the context ends, and asks
// the given nodes, those of them that are members then, if they have all of it that they should have.
func (l *Load) Check(ctx context.Context, nodes []committee.PublicKey) {
	blobs := l.pool.all()
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(l.Concurrency, len(blobs)) {
		all.Go(func() {
			for ctx.Err() == nil {
				i := next.Add(1) - 1
				if i >= int64(len(blobs)) {
					return
				}
				o := l.read(ctx, blobs[i])
				if ctx.Err() != nil {
					return
				}
				l.blobs.checked.Add(1)
				if !blobs[i].wrong {
					l.checkNodes(ctx, blobs[i].id, nodes)
				}
				if o.err != nil {
					l.recorder.mu.Lock()
					l.recorder.note("check: " + o.err.Error())
					l.recorder.mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	l.blobs.unchecked.Store(int64(len(blobs)) - l.blobs.checked.Load())
}

// checkNodes counts the nodes that do not have all of a blob that they should have.
func (l *Load) checkNodes(ctx context.Context, id commit.BlobID, nodes []committee.PublicKey) {
	for _, key := range nodes {
		members, peers := l.Client.Committee(), l.Client.Peers()
		i, ok := members.Find(key)
		if !ok || l.Client.Committee().Epoch() != members.Epoch() { // it has left, or others come and go just now
			continue
		}
		status, err := peers[i].Status(ctx, id)
		if ctx.Err() == nil && (err != nil || !status.Complete) {
			l.blobs.incomplete.Add(1)
		}
	}
}

// Blobs tells what became of the blobs so far.
func (l *Load) Blobs() Blobs {
	b := &l.blobs
	return Blobs{
		Acknowledged: int64(len(l.pool.all())), Duplicates: b.duplicates.Load(),
		Inconsistent: b.inconsistent.Load(), Refused: b.refused.Load(), Checked: b.checked.Load(),
		Unchecked: b.unchecked.Load(), Unreadable: b.unreadable.Load(), Wrong: b.wrong.Load(),
		Incomplete: b.incomplete.Load(),
	}
}

// Operations sums up the operations of one kind that have ended.
func (l *Load) Operations(k Kind) Operations { return l.recorder.operations(k) }

// Elapsed returns the time from the start to the end of the last operation.
func (l *Load) Elapsed() time.Duration {
	l.recorder.mu.Lock()
	defer l.recorder.mu.Unlock()
	return l.recorder.last
}

// Messages returns the first errors.
func (l *Load) Messages() []string {
	l.recorder.mu.Lock()
	defer l.recorder.mu.Unlock()
	return l.recorder.messages[:len(l.recorder.messages):len(l.recorder.messages)]
}

// Points returns what happened over time.
func (l *Load) Points() []Point {
	l.recorder.mu.Lock()
	defer l.recorder.mu.Unlock()
	return points(l.recorder.kinds[Read].series, l.recorder.kinds[Write].series)
}

// Achieved returns how many operations of a kind a second succeeded between two times from
// the start.
func (l *Load) Achieved(k Kind, from, to time.Duration) float64 {
	l.recorder.mu.Lock()
	defer l.recorder.mu.Unlock()
	return l.recorder.kinds[k].series.rate(from, to)
}

// TryOnce writes a blob that was not there before and reads it back, as an operation that
// does not count. The blob is among those that Check reads.
func (l *Load) TryOnce(ctx context.Context) error {
	if o := l.writeNew(ctx, false); o.err != nil {
		return o.err
	}
	all := l.pool.all()
	timed, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	_, err := l.Client.Read(timed, all[len(all)-1].id)
	return err
}

// Progress is a look at a run that goes on.
type Progress struct {
	Reads, Writes, Errors   int64
	ReadBytes, WrittenBytes int64
}

// Progress returns what was done so far.
func (l *Load) Progress() Progress {
	r := l.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	reads, writes := &r.kinds[Read], &r.kinds[Write]
	return Progress{
		Reads: reads.Count, Writes: writes.Count, Errors: reads.Errors + writes.Errors,
		ReadBytes: reads.Bytes, WrittenBytes: writes.Bytes,
	}
}
