package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/bench/internal/measure"
	"github.com/redstuff-go/redstuff/bench/internal/work"
)

// run measures comparisons one after the other, in the same memory.
type run struct {
	*Results
	arena work.Arena
}

// measure runs the comparisons whose titles match, and replaces what was measured
// of them before.
func (r *run) measure(s Settings, processor bool, only *regexp.Regexp) error {
	r.Machine, r.Settings, r.Processor = thisMachine(), s, processor
	begin := time.Now()
	for pass := range s.Passes {
		part := s.Settings
		part.Rounds = s.Rounds*(pass+1)/s.Passes - s.Rounds*pass/s.Passes
		// The plan is made again because its comparisons keep what they have encoded.
		comparisons := plan()
		for i, c := range comparisons {
			if !only.MatchString(c.title) {
				continue
			}
			if pass == 0 {
				r.forget(c)
			}
			fmt.Fprintf(os.Stderr, "%5.0fs  pass %d of %d, %d/%d  %s\n", time.Since(begin).Seconds(), pass+1, s.Passes, i+1, len(comparisons), c.title)
			if err := r.compare(part, c); err != nil {
				return fmt.Errorf("%s: %w", c.title, err)
			}
			comparisons[i].ops = nil // with the blobs they share
		}
	}
	if only.MatchString("memory") {
		memory, err := measureMemory()
		if err != nil {
			return err
		}
		r.Memory = memory
	}
	if only.MatchString("profile") {
		if err := r.profile(plan()); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "%5.0fs  measured\n", time.Since(begin).Seconds())
	return nil
}

// forget drops what was measured of a comparison.
func (r *run) forget(c comparison) {
	r.Measured = slices.DeleteFunc(r.Measured, func(m Measurement) bool {
		return slices.ContainsFunc(c.ops, func(p planned) bool { return p.key == m.Key })
	})
}

// compare measures a comparison, and adds what it finds to what is there.
func (r *run) compare(s measure.Settings, c comparison) error {
	ops := make([]*work.Op, len(c.ops))
	for i, p := range c.ops {
		op, err := p.makeOp(&r.arena)
		if err != nil {
			return fmt.Errorf("%+v: %w", p.key, err)
		}
		ops[i] = op
	}
	measured, err := measure.Run(s, ops)
	if err != nil {
		return err
	}
	for i, p := range c.ops {
		m := Measurement{p.key, measured[i]}
		if r.Processor && m.Cores == 1 {
			m.OnProcessor()
		}
		if old := r.find(p.key); old != nil {
			old.Append(&m.Result)
		} else {
			r.Measured = append(r.Measured, m)
		}
	}
	clear(ops)
	debug.FreeOSMemory() // blobs of the next comparison do not compete with these
	return nil
}
