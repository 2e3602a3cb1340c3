package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"github.com/redstuff-go/redstuff/bench/internal/work"
)

// Profile says in which functions the time of an operation is spent.
type Profile struct {
	Key
	Functions []FunctionShare // the largest first
}

// FunctionShare is a function's own part of the time, without what it calls.
type FunctionShare struct {
	Name  string
	Share float64
}

const (
	// profileTime is how long an operation runs to be profiled: a hundred samples a
	// second are taken.
	profileTime = time.Second
	// profileFunctions is how many functions are named.
	profileFunctions = 6
)

// profile finds out where the time goes in every operation whose line falls short of
// its aim.
func (r *run) profile(comparisons []comparison) error {
	r.Profiles = nil
	for _, l := range r.lines() {
		if l.verdict == metAim || l.verdict == told {
			continue
		}
		for _, c := range comparisons {
			for _, p := range c.ops {
				if p.key != l.ours {
					continue
				}
				fmt.Fprintf(os.Stderr, "        profile of %s: %s\n", l.label, l.part)
				functions, err := profileOp(p, &r.arena)
				if err != nil {
					return fmt.Errorf("profile of %s, %s: %w", l.group, l.part, err)
				}
				r.Profiles = append(r.Profiles, Profile{p.key, functions})
			}
		}
	}
	return nil
}

func profileOp(p planned, arena *work.Arena) ([]FunctionShare, error) {
	op, err := p.makeOp(arena)
	if err != nil {
		return nil, err
	}
	defer debug.FreeOSMemory()
	if err := op.Run(); err != nil {
		return nil, err
	}
	var samples bytes.Buffer
	if err := pprof.StartCPUProfile(&samples); err != nil {
		return nil, err
	}
	begin := time.Now()
	for i := 0; time.Since(begin) < profileTime && err == nil; i++ {
		err = op.Step(i, func() {}, func() {})
	}
	pprof.StopCPUProfile()
	if err != nil {
		return nil, err
	}
	return shares(&samples)
}

// shares reads a profile.
func shares(samples *bytes.Buffer) ([]FunctionShare, error) {
	parsed, err := profile.Parse(samples)
	if err != nil {
		return nil, err
	}
	own, total := map[string]int64{}, int64(0)
	for _, sample := range parsed.Sample {
		name := "unknown"
		if len(sample.Location) > 0 && len(sample.Location[0].Line) > 0 {
			name = sample.Location[0].Line[0].Function.Name
		}
		own[strings.TrimPrefix(name, "github.com/redstuff-go/redstuff/")] += sample.Value[0]
		total += sample.Value[0]
	}
	var list []FunctionShare
	for name, samples := range own {
		list = append(list, FunctionShare{name, float64(samples) / float64(total)})
	}
	slices.SortFunc(list, func(a, b FunctionShare) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), strings.Compare(a.Name, b.Name))
	})
	return list[:min(len(list), profileFunctions)], nil
}
