package ui

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/redstuff-go/redstuff/cmd/internal/ctxio"
)

// showAfter is how long work may take before its progress is shown.
const showAfter = time.Second

// Progress shows how far work has come, on a terminal, if it takes long.
type Progress struct {
	w     io.Writer
	show  bool
	after time.Duration // how long work lasts until it is shown
}

// NewProgress returns a Progress that shows itself on w if that is a terminal.
func NewProgress(w io.Writer) *Progress {
	f, ok := w.(*os.File)
	return &Progress{w: w, show: ok && term.IsTerminal(int(f.Fd())), after: showAfter}
}

// bar starts a bar, with the rate and the time left, that shows itself after a while; or
// a spinner, if total is negative. It returns nil if nothing is to be shown.
func (p *Progress) bar(label string, total int64, more ...progressbar.Option) *progressbar.ProgressBar {
	if !p.show {
		return nil
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(&delayed{w: p.w, from: time.Now().Add(p.after)}),
		progressbar.OptionSetDescription(label),
		progressbar.OptionShowBytes(total >= 0),
		progressbar.OptionShowTotalBytes(true),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionSetRenderBlankState(true), // starts the clock
		progressbar.OptionClearOnFinish(),
	}
	if total >= 0 {
		options = append(options, progressbar.OptionShowCount())
	}
	return progressbar.NewOptions64(total, append(options, more...)...)
}

// delayed drops what is written to it before its time.
type delayed struct {
	w    io.Writer
	from time.Time
}

func (p *delayed) Write(data []byte) (int, error) {
	if time.Now().Before(p.from) {
		return len(data), nil
	}
	return p.w.Write(data)
}

// Wait runs work, which cannot tell how far it is, on a goroutine of its own, and
// returns its results, or ctx's error if ctx ends first. In that case the work goes
// on in vain: the process is about to end.
func Wait[T any](ctx context.Context, p *Progress, label string, work func() (T, error)) (T, error) {
	if spinner := p.bar(label, -1); spinner != nil {
		defer spinner.Finish()
	}
	return ctxio.Await(ctx, work)
}

// Bar shows work whose length is known in bytes. It may be used concurrently.
type Bar struct{ bar *progressbar.ProgressBar }

// Bar starts the bar of work that ends after total bytes.
func (p *Progress) Bar(label string, total int64) *Bar { return &Bar{p.bar(label, total)} }

// Steps starts the bar of work that ends after total steps.
func (p *Progress) Steps(label string, total int64) *Bar {
	return &Bar{p.bar(label, total, progressbar.OptionShowBytes(false), progressbar.OptionShowTotalBytes(false))}
}

// Silent returns a bar that is never shown.
func (p *Progress) Silent() *Bar { return &Bar{} }

// Add tells that n more bytes are done.
func (b *Bar) Add(n int) {
	if b.bar != nil {
		b.bar.Add(n)
	}
}

// Done takes the bar away.
func (b *Bar) Done() {
	if b.bar != nil {
		b.bar.Finish()
	}
}

// Watch shows a bar of work that counts by itself, until what it returns is called.
func (p *Progress) Watch(label string, total int64, count func() int64) (stop func()) {
	bar := p.bar(label, total)
	if bar == nil {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(tickEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				bar.Set64(min(count(), total))
			case <-end:
				bar.Finish()
				return
			}
		}
	}()
	return func() { close(end); <-ended }
}

// tickEvery is how often a bar moves that is watched.
const tickEvery = 100 * time.Millisecond
