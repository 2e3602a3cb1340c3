package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
)

// live is a line on a terminal that is written again and again.
type live struct {
	w    io.Writer
	show bool
}

func newLive(w io.Writer) *live {
	f, ok := w.(*os.File)
	return &live{w: w, show: ok && term.IsTerminal(int(f.Fd()))}
}

// eraseLine returns to the begin of the line and erases it.
const eraseLine = "\r\x1b[K"

// say replaces the line.
func (l *live) say(format string, args ...any) {
	if l.show {
		fmt.Fprintf(l.w, eraseLine+format, args...)
	}
}

// clear takes the line away.
func (l *live) clear() {
	if l.show {
		fmt.Fprint(l.w, eraseLine)
	}
}

// liveEvery is the time between two looks at a run.
const liveEvery = 250 * time.Millisecond

// watch shows how a run goes until done is closed. more is what else is to be said each
// time.
func (l *live) watch(run *load.Load, start time.Time, duration time.Duration, more func() string, done <-chan struct{}) {
	if !l.show {
		return
	}
	tick := time.NewTicker(liveEvery)
	defer tick.Stop()
	var before load.Progress
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		p := run.Progress()
		l.say("%4.1f of %v  reads %s at %s  writes %s at %s  errors %s%s",
			time.Since(start).Seconds(), duration,
			ui.Count(p.Reads), ui.Rate(p.ReadBytes-before.ReadBytes, liveEvery),
			ui.Count(p.Writes), ui.Rate(p.WrittenBytes-before.WrittenBytes, liveEvery), ui.Count(p.Errors), more())
		before = p
	}
}
