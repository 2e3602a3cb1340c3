package peer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// FanoutOptions say how long a [Fanout] waits for its calls. The zero value is for short
// answers of which one is enough.
//
// A call is late when it takes longer than it should. It goes on, but what it was to
// bring should be asked of others, too.
type FanoutOptions struct {
	// Transfers says that calls bring as many bytes as they say. Each is late when it takes
	// four times as long as such answers do as a rule, or twice as long as half of the calls
	// of this fan-out took for as many bytes. A call that brings no bytes to speak of is
	// late as soon as it takes longer than such answers do as a rule.
	Transfers bool
	// ItemBytes, if it is not 0, is the length of the parts in which answers come: when
	// nothing has come of any call for as long as one part takes, all of them are late. The
	// next time that lasts twice as long.
	ItemBytes int
	// LeastRate, if it is not 0, is how many bytes a second a late call must bring, after
	// half a minute, to go on at all.
	LeastRate int
	// Quorum says that all calls begin at once, and that none is late before the caller
	// has [Fanout.Enough].
	Quorum bool
	// NoHedge says that nobody else is asked for what is late. So nobody can be overtaken,
	// and the health of a peer that is late does not suffer.
	NoHedge bool

	// Life is the context of the calls, by default that of Run. With a longer one, the end
	// of an answer whose content has come may be read in peace, for as long as Linger.
	Life   context.Context
	Linger time.Duration
	// Go runs calls, each in a goroutine. By default these are waited for by Run alone.
	Go func(func())
}

// Fanout asks several peers at once for parts of one thing. All that asks more than one
// peer for something goes through it: it decides how long each is waited for, whether
// what it was to bring is asked of others too, and what its health suffers or gains.
//
// Only the goroutine in Run uses a Fanout and its calls. It is also the one that runs the
// functions which are given to them, one at a time.
type Fanout struct {
	options FanoutOptions
	set     *Set
	ctx     context.Context // of Run

	calls    []*Call        // those that have not come to their end
	started  int            // calls in all
	tasks    int            // that run aside
	rates    []float64      // seconds a byte of the calls that succeeded
	late     map[*link]bool // peers with a call that was late
	progress time.Time      // when something came last
	stall    time.Duration  // how long nothing may come; 0 if that does not matter
	waited   time.Duration  // in all, for whatever came
	enough   bool
	grace    time.Duration // what is left of it

	events  chan func() (changed bool)
	closed  chan struct{}
	running sync.WaitGroup // calls that may bring something yet, and tasks
}

// NewFanout returns a fan-out to peers of the set. The set may be nil if the options are
// for a quorum.
func NewFanout(s *Set, o FanoutOptions) *Fanout {
	f := &Fanout{options: o, set: s, late: make(map[*link]bool), events: make(chan func() bool), closed: make(chan struct{})}
	if o.ItemBytes > 0 {
		f.stall = s.Timeout(o.ItemBytes)
	}
	return f
}

// Call is a request to one peer.
type Call struct {
	Peer    *Peer // or nil, for what the caller does itself
	Bytes   int   // that the answer has at most
	Started time.Time

	fanout   *Fanout
	ctx      context.Context
	cancel   context.CancelCauseFunc
	release  func() // Run need not wait for it
	end      func(error)
	waited   time.Duration // of the fan-out, when the call began
	worth    bool          // waiting for, when others have answered
	late     bool
	givenUp  bool
	ended    bool
	observed bool
}

// Start begins a call, whose answer has so many bytes at most. ask, in a goroutine of its
// own, makes the request, gives what comes to [Call.Deliver], and returns how it ended;
// end is called with that. An error of the context that says that the fan-out is over is
// passed on to nobody.
func (f *Fanout) Start(p *Peer, bytes int, ask func(context.Context, *Call) error, end func(error)) *Call {
	c := &Call{Peer: p, Bytes: bytes, Started: time.Now(), fanout: f, end: end, waited: f.waited}
	c.worth = p == nil || f.options.Quorum && p.WorthWaiting()
	life := f.ctx
	if f.options.Life != nil {
		life = f.options.Life
	}
	c.ctx, c.cancel = context.WithCancelCause(life)
	f.running.Add(1)
	c.release = sync.OnceFunc(f.running.Done)
	f.calls = append(f.calls, c)
	f.started++
	f.spawn(func() {
		defer c.cancel(nil)
		defer c.release()
		err := ask(c.ctx, c)
		_ = f.post(f.ctx, func() bool { return f.returned(c, err) }) // also when its own context has ended
	})
	return c
}

// Aside runs work, and calls then when it has ended. The context ends with the fan-out.
func (f *Fanout) Aside(work func(context.Context), then func()) {
	f.tasks++
	f.running.Add(1)
	f.spawn(func() {
		defer f.running.Done()
		work(f.ctx)
		_ = f.post(f.ctx, func() bool {
			f.tasks--
			then()
			return true
		})
	})
}

func (f *Fanout) spawn(run func()) {
	if f.options.Go != nil {
		f.options.Go(run)
	} else {
		go run()
	}
}

// post has the goroutine in Run call event.
func (f *Fanout) post(ctx context.Context, event func() bool) error {
	select {
	case f.events <- event:
		return nil
	case <-f.closed:
		return context.Canceled
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Deliver calls take with what has come of the call, in the goroutine of Run; take reports
// whether there may be something to be asked for because of it. The error says that the
// call is over.
func (c *Call) Deliver(take func() (changed bool)) error {
	return c.fanout.post(c.ctx, func() bool { return !c.ended && take() })
}

// Late reports whether what the call was to bring should be asked of others, too.
func (c *Call) Late() bool { return c.late }

// Observe learns how long the first part of an answer took, which has so many bytes. A
// call for which this is not called counts as a whole, when it ends.
func (c *Call) Observe(bytes int) {
	if !c.observed {
		c.observed = true
		c.fanout.set.observe(time.Since(c.Started), bytes)
	}
}

// Finish says that all has come of the call, although its answer has not ended.
func (c *Call) Finish() {
	f := c.fanout
	f.close(c)
	f.mark(c, nil)
	time.AfterFunc(f.options.Linger, func() { c.cancel(nil) })
}

// Stop ends a call with an error: what else it brings is not wanted. Its end is not
// called.
func (c *Call) Stop(err error) {
	c.fanout.close(c)
	c.fanout.mark(c, err)
	c.cancel(err)
}

// Open returns the calls that have not come to their end.
func (f *Fanout) Open() []*Call { return f.calls }

// Health returns the health of each peer as far as this fan-out is concerned: a peer with
// a call that was late is slow at best.
func (f *Fanout) Health(peers []*Peer) []Health {
	all := HealthOf(peers)
	for i, p := range peers {
		if p != nil && f.late[p.link] {
			all[i] = max(all[i], Slow)
		}
	}
	return all
}

// Enough says that the calls that have not come to their end are not needed any more.
// They get as much time again as the others took, and a second at least; then they end
// with ErrSilent. Peers that were late with their last answer get no more time.
func (f *Fanout) Enough() {
	if !f.enough {
		f.enough, f.grace = true, max(f.waited, leastGrace)
	}
}

// leastGrace is how much longer than others a busy node may take.
const leastGrace = time.Second

// Run calls step, which starts calls for what is lacking, at first and whenever that may
// have changed, until step reports that all is done or nothing is under way any more. The
// error is that of the context, which ends all; Open tells who was silent.
func (f *Fanout) Run(ctx context.Context, step func() (done bool)) error {
	own, cancel := context.WithCancel(ctx)
	f.ctx = own
	defer f.running.Wait()
	defer func() {
		f.markOvertaken()
		cancel()
		for _, c := range f.calls {
			c.cancel(context.Canceled)
		}
		close(f.closed)
	}()
	f.progress = time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for changed := true; ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if changed && (step() || len(f.calls)+f.tasks == 0) {
			return nil
		}
		now := time.Now()
		timer.Reset(f.nextDue(now).Sub(now))
		select {
		case <-ctx.Done():
		case <-timer.C:
			f.wait(time.Since(now))
			changed = f.overdue(time.Now())
		case event := <-f.events:
			f.wait(time.Since(now))
			changed = event()
			f.progress = time.Now()
		}
	}
}

// wait counts time that was spent waiting. What is done with what comes is nobody's time.
func (f *Fanout) wait(d time.Duration) {
	f.waited += d
	f.grace = max(0, f.grace-d)
}

// close ends a call, of which nothing more is expected.
func (f *Fanout) close(c *Call) {
	c.ended = true
	c.release()
	f.calls = slices.DeleteFunc(f.calls, func(other *Call) bool { return other == c })
}

// returned is the end of a call's request.
func (f *Fanout) returned(c *Call, err error) (changed bool) {
	switch {
	case c.ended:
		return false
	case err != nil && f.ctx.Err() != nil:
		return false // which is why there is no answer
	}
	f.close(c)
	f.mark(c, err)
	c.end(err)
	return true
}

// mark has the health of the peer show how a call ended.
func (f *Fanout) mark(c *Call, err error) {
	p := c.Peer
	if p == nil {
		return
	}
	var status *StatusError
	switch {
	case errors.Is(err, ErrLied):
		p.Distrust()
	case err == nil:
		f.rates = append(f.rates, time.Since(c.Started).Seconds()/float64(max(1, c.Bytes)))
		if !f.options.Quorum {
			c.Observe(c.Bytes)
		}
		if !f.options.Transfers {
			p.MarkAnswered()
		} else if !c.late {
			p.MarkInTime()
		}
	case !f.options.Transfers: // nobody has waited for it in vain
	case Answered(err):
		if !c.late {
			p.MarkInTime()
		}
	default:
		if !errors.As(err, &status) {
			p.MarkFailed()
		}
		f.set.markLate(p, c.Started)
	}
}

// Answered reports whether a peer has done what it can, although it may not have what was
// asked for.
func Answered(err error) bool {
	return err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrInconsistent)
}

// markOvertaken has the health of peers show that others overtook them. Where all were late
// together, the machine or the network was.
func (f *Fanout) markOvertaken() {
	if f.options.NoHedge || len(f.rates) == 0 {
		return
	}
	for _, c := range f.calls {
		switch {
		case !c.late || c.Peer == nil:
		case f.options.Transfers:
			f.set.markLate(c.Peer, c.Started)
		default:
			c.Peer.MarkAnswerLate(c.Started)
		}
	}
}

// Bounds of how long a call for many bytes may take.
const (
	maxMultiple = 4                // times as long as such answers take as a rule
	lateGrace   = 30 * time.Second // for a late one, beside the time that its bytes need
	never       = time.Hour        // from now
)

// due returns when a call is late, or, if it is, when it is given up.
func (f *Fanout) due(c *Call, now time.Time) time.Time {
	switch {
	case f.options.Quorum || c.late && f.options.LeastRate == 0 || c.givenUp:
		return now.Add(never)
	case c.late:
		return c.Started.Add(lateGrace + time.Duration(float64(c.Bytes)/float64(f.options.LeastRate)*float64(time.Second)))
	case !f.options.Transfers:
		return c.Started.Add(f.set.Timeout(c.Bytes))
	}
	wait := maxMultiple * f.set.TransferTimeout(c.Bytes)
	if 2*len(f.rates) >= f.started {
		median := slices.Sorted(slices.Values(f.rates))[len(f.rates)/2]
		expected := time.Duration(median * float64(c.Bytes) * float64(time.Second))
		wait = min(wait, 2*expected+f.set.options.HedgeAfter)
	}
	return c.Started.Add(wait)
}

// nextDue returns when something is to be done if nothing comes until then.
func (f *Fanout) nextDue(now time.Time) time.Time {
	next := now.Add(never)
	if f.stall > 0 {
		next = f.progress.Add(f.stall)
	}
	for _, c := range f.calls {
		if due := f.due(c, now); due.Before(next) {
			next = due
		}
	}
	if f.enough {
		next = now.Add(f.graceLeft())
	}
	return next
}

// graceLeft returns how long the calls that are not needed are still waited for.
func (f *Fanout) graceLeft() time.Duration {
	if !slices.ContainsFunc(f.calls, func(c *Call) bool { return c.worth }) {
		return 0
	}
	return f.grace
}

// overdue does what is due, and reports whether something is to be asked of others.
func (f *Fanout) overdue(now time.Time) (changed bool) {
	if f.enough && f.graceLeft() <= 0 {
		for _, c := range slices.Clone(f.calls) {
			if c.Peer != nil {
				c.Peer.MarkAnswerLate(c.Started)
			}
			f.close(c)
			c.cancel(ErrSilent)
			c.end(fmt.Errorf("%w for %v, longer than others", ErrSilent, (f.waited - c.waited).Round(time.Millisecond)))
		}
		return true
	}
	stalled := f.stall > 0 && !now.Before(f.progress.Add(f.stall))
	if stalled {
		f.stall *= 2 // those asked next are slower, or all are
		f.progress = now
	}
	for _, c := range f.calls {
		due := !now.Before(f.due(c, now))
		switch {
		case c.late && due:
			c.givenUp = true
			c.cancel(ErrSilent) // its end comes as an event
		case !c.late && (due || stalled):
			c.late, changed = true, true
			if c.Peer != nil {
				f.late[c.Peer.link] = true
			}
		}
	}
	return changed
}
