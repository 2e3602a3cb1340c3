package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gf"
	"github.com/redstuff-go/redstuff/rs2d"
)

type benchCmd struct {
	codeFlags
	jsonFlag
	Size     string        `default:"4MiB" help:"Length of the blob, such as 32MiB."`
	Duration time.Duration `default:"300ms" help:"How long to measure each cell; one run at least."`
	Workers  int           `default:"0" help:"Goroutines a call may use; 0 stands for all CPUs."`
	Backend  []string      `help:"Instruction sets to measure; all that this CPU has by default."`
}

func (c *benchCmd) Help() string {
	return `MB/s (10⁶ bytes a second), in the fastest of the runs, of:
 encode   blob, encoded with its metadata, all slivers kept
 id       blob, for its id only
 decode   blob, from the last P primary slivers, without a check
 strict   the same with the strict check
 hash     symbols, hashed as leaves, on one core
 recover  slivers, rebuilt from their intersections, one pair at a time

Example: rs2d bench --shards 1000 --size 32MiB --workers 1

JSON: scheme, shards, length, symbol_size, workers, results: a list of backend and, in MB/s, encode, id, decode, strict, hash, recover.`
}

// benchReport is what bench prints as JSON.
type benchReport struct {
	Scheme     string        `json:"scheme"`
	Shards     int           `json:"shards"`
	Length     int           `json:"length"`
	SymbolSize int           `json:"symbol_size"`
	Workers    int           `json:"workers"`
	Results    []benchResult `json:"results"`
}

// benchResult is a row of the table, in MB/s.
type benchResult struct {
	Backend string  `json:"backend"`
	Encode  float64 `json:"encode"`
	ID      float64 `json:"id"`
	Decode  float64 `json:"decode"`
	Strict  float64 `json:"strict"`
	Hash    float64 `json:"hash"`
	Recover float64 `json:"recover"`
}

// Run measures every backend on the same blob.
func (c *benchCmd) Run(a *app) error {
	params, err := commit.NewParams(c.Shards)
	if err != nil {
		return fmt.Errorf("no code over %d shards: %w", c.Shards, err)
	}
	size, err := parseSize("--size", c.Size)
	if err != nil {
		return err
	}
	if size == 0 {
		return errors.New("--size 0: there is nothing to measure")
	}
	symbolSize, err := params.SymbolSize(size)
	if err != nil {
		return tooLarge("--size", size, params)
	}
	blob := make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(blob)

	backends := c.Backend
	if len(backends) == 0 {
		backends = gf.Backends()
	}
	workers := c.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	r := benchReport{
		Scheme: c.Scheme.String(), Shards: c.Shards, Length: len(blob),
		SymbolSize: symbolSize, Workers: workers,
	}
	for _, backend := range backends {
		result, err := c.measure(a, backend, blob)
		if err != nil {
			return err
		}
		r.Results = append(r.Results, result)
	}
	return c.report(a, r, func(w io.Writer) error {
		fmt.Fprintf(w, "%s blob, n = %d, symbols of %d bytes, scheme %s, workers: %d; MB/s\n\n",
			ui.Bytes(size), r.Shards, r.SymbolSize, r.Scheme, r.Workers)
		t := ui.NewTable(w)
		t.Row("backend", "encode", "id", "decode", "strict", "hash", "recover")
		for _, row := range r.Results {
			t.Row(row.Backend, ui.Digits(row.Encode), ui.Digits(row.ID), ui.Digits(row.Decode),
				ui.Digits(row.Strict), ui.Digits(row.Hash), ui.Digits(row.Recover))
		}
		return t.Flush()
	})
}

// measure fills one row of the table.
func (c *benchCmd) measure(a *app, backend string, blob []byte) (benchResult, error) {
	r := benchResult{Backend: backend}
	code, err := rs2d.New(c.Shards, rs2d.WithScheme(c.Scheme), rs2d.WithBackend(backend), rs2d.WithWorkers(c.Workers))
	if err != nil {
		return r, fmt.Errorf("%s: %w", backend, err)
	}
	hasher, err := commit.NewHasher(c.Scheme, backend)
	if err != nil {
		return r, err
	}
	encoder, encoding := code.NewEncoder(), new(rs2d.Encoding)
	if err := encoder.Encode(encoding, blob); err != nil {
		return r, err
	}
	meta, p, size := encoding.Metadata(), code.Params(), encoding.SymbolSize()
	var last []rs2d.Sliver
	for i := p.N - p.P; i < p.N; i++ {
		last = append(last, encoding.Primary(i))
	}
	primary, secondary := rs2d.PairSlivers(p.N/2, p.N)
	primarySymbols, err := intersections(code, encoding, primary)
	if err != nil {
		return r, err
	}
	secondarySymbols, err := intersections(code, encoding, secondary)
	if err != nil {
		return r, err
	}
	symbols := encoding.Primary(0).Data
	digests := make([]byte, p.S*commit.HashSize)

	cells := []struct {
		rate  *float64
		bytes int
		work  func() error
	}{
		{&r.Encode, len(blob), func() error { return encoder.Encode(encoding, blob) }},
		{&r.ID, len(blob), func() error { _, err := encoder.Commit(blob); return err }},
		{&r.Decode, len(blob), func() error { _, err := code.Decode(meta, last, rs2d.CheckNone); return err }},
		{&r.Strict, len(blob), func() error { _, err := code.Decode(meta, last, rs2d.CheckStrict); return err }},
		{&r.Hash, len(symbols), func() error {
			hasher.Leaves(digests, commit.HashSize, symbols, size, size, p.S)
			return nil
		}},
		{&r.Recover, (p.S + p.P) * size, func() error {
			_, err := code.Recover(meta, primary, primarySymbols)
			if err == nil {
				_, err = code.Recover(meta, secondary, secondarySymbols)
			}
			return err
		}},
	}
	for _, cell := range cells {
		rate, err := ui.Wait(a.ctx, a.progress, backend, func() (float64, error) {
			return c.rate(a, cell.bytes, cell.work)
		})
		if err != nil {
			return r, err
		}
		*cell.rate = rate
	}
	return r, nil
}

// rate repeats work for the duration asked for, after one run to warm up, and
// returns the MB/s of the fastest run: other programs only ever slow one down.
func (c *benchCmd) rate(a *app, bytes int, work func() error) (float64, error) {
	if err := work(); err != nil {
		return 0, err
	}
	best := time.Duration(math.MaxInt64)
	for start := time.Now(); best == math.MaxInt64 || time.Since(start) < c.Duration && a.ctx.Err() == nil; {
		run := time.Now()
		if err := work(); err != nil {
			return 0, err
		}
		best = min(best, time.Since(run))
	}
	return ui.MBps(int64(bytes), best), nil
}

// intersections returns symbols of the sliver from the last slivers of the other
// axis that are enough, so that there is something to decode.
func intersections(code *rs2d.Code, encoding *rs2d.Encoding, want rs2d.SliverRef) ([]rs2d.Symbol, error) {
	p := code.Params()
	count := p.S
	if want.Axis == rs2d.Secondary {
		count = p.P
	}
	var symbols []rs2d.Symbol
	for i := p.N - count; i < p.N; i++ {
		helper := encoding.Sliver(rs2d.SliverRef{Axis: want.Axis.Other(), Index: i})
		symbol, err := code.Symbol(helper, want.Index)
		if err != nil {
			return nil, err
		}
		symbols = append(symbols, symbol)
	}
	return symbols, nil
}
