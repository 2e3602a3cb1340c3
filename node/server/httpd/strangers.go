package httpd

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Strangers come in any number, and ask for much that costs them nothing. So while members
// or clients are served, whatever is done for strangers, from shaking hands to sending
// answers, is done in turns, as many at once as there are processors. A turn is followed by
// a rest, rest times as long, so that strangers have one part in rest+1 of the processors.
// It is over when the stranger is waited for. Whether a handler waits for anything else is
// not known: so a turn is over after a while, too.
//
// Hands are shaken in turns even if nobody else is served, since that may be about to
// change: members and clients are strangers until their hands are shaken.
const (
	rest     = 3
	longTurn = 100 * time.Millisecond
	recently = 10 * time.Second // is for how long members and clients count as served
)

// strangers gives out the turns of strangers, network by network.
type strangers struct {
	turns  *turns
	long   time.Duration // that a turn lasts at most
	recent time.Duration // for which members and clients count as served
	served atomic.Int64  // when they were last, Unix time in nanoseconds
}

func newStrangers() *strangers {
	return &strangers{turns: newTurns(runtime.GOMAXPROCS(0)), long: longTurn, recent: recently}
}

// serves notes that somebody is served who is no stranger.
func (s *strangers) serves() { s.served.Store(time.Now().UnixNano()) }

// yield reports whether somebody is served to whom strangers are to leave the processors.
func (s *strangers) yield() bool {
	return time.Since(time.Unix(0, s.served.Load())) < s.recent
}

// wait waits for a turn of a stranger's. The error is the context's.
func (s *strangers) wait(ctx context.Context, who Party) (*turn, error) {
	t := &turn{of: s, who: who, ctx: ctx}
	return t, t.resume()
}

// turn is that of something which is done for a stranger. It is interrupted while the
// stranger is waited for.
type turn struct {
	of  *strangers
	who Party
	ctx context.Context // of what is done

	mu      sync.Mutex
	running bool
	since   time.Time // when it began to
	late    *time.Timer
	over    bool
}

// resume waits until it is the stranger's turn again. The error is the context's.
func (t *turn) resume() error {
	if err := t.of.turns.take(t.ctx, t.who); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over { // meanwhile
		t.of.turns.give(t.who)
		return nil
	}
	t.running, t.since = true, time.Now()
	t.late = time.AfterFunc(t.of.long, t.interrupt)
	return nil
}

// interrupt lets others have their turns until resume.
func (t *turn) interrupt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop()
}

// end ends the turn, for good.
func (t *turn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.stop()
}

// stop is interrupt with the lock held.
func (t *turn) stop() {
	if !t.running {
		return
	}
	t.running = false
	t.late.Stop()
	give := func() { t.of.turns.give(t.who) }
	if !t.of.yield() {
		give()
		return
	}
	time.AfterFunc(rest*min(time.Since(t.since), t.of.long), give)
}
