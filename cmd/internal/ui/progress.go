package ui

import (
	"context"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// patience is how long work may take before its progress is shown.
const patience = time.Second

// Progress shows how far work has come, on a terminal, if it takes long.
type Progress struct {
	w    io.Writer
	show bool
}

// NewProgress returns a Progress that shows itself on w if that is a terminal.
func NewProgress(w io.Writer) *Progress {
	f, ok := w.(*os.File)
	return &Progress{w: w, show: ok && term.IsTerminal(int(f.Fd()))}
}

func (p *Progress) bar(label string, total int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(p.w),
		progressbar.OptionSetDescription(label),
		progressbar.OptionShowBytes(total >= 0),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish())
}

// Wait runs work, which cannot tell how far it is, on a goroutine of its own, and
// returns its results, or ctx's error if ctx ends first. In that case the work goes
// on in vain: the process is about to end.
func Wait[T any](ctx context.Context, p *Progress, label string, work func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := work()
		done <- result{value, err}
	}()
	long := time.NewTimer(patience)
	defer long.Stop()
	var spinner *progressbar.ProgressBar
	for {
		select {
		case r := <-done:
			if spinner != nil {
				spinner.Finish()
			}
			return r.value, r.err
		case <-ctx.Done():
			if spinner != nil {
				spinner.Finish()
			}
			var none T
			return none, ctx.Err()
		case <-long.C:
			if p.show {
				spinner = p.bar(label, -1)
			}
		}
	}
}

// Bar shows work whose length is known in bytes. It may be used concurrently.
type Bar struct {
	p     *Progress
	label string
	total int64
	start time.Time

	mu  sync.Mutex
	sum int64
	bar *progressbar.ProgressBar // nil until the work has taken long
}

// Bar starts the bar of work that ends after total bytes.
func (p *Progress) Bar(label string, total int64) *Bar {
	return &Bar{p: p, label: label, total: total, start: time.Now()}
}

// Add tells that n more bytes are done.
func (b *Bar) Add(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sum += int64(n)
	if !b.p.show || time.Since(b.start) < patience {
		return
	}
	if b.bar == nil {
		b.bar = b.p.bar(b.label, b.total)
	}
	b.bar.Set64(min(b.sum, b.total))
}

// Done takes the bar away.
func (b *Bar) Done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		b.bar.Finish()
	}
}
