package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/restore"
	"github.com/redstuff-go/redstuff/cmd/internal/sliverdir"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/rs2d"
)

type decodeCmd struct {
	jsonFlag
	Check  string `enum:"strict,systematic,none" default:"strict" help:"strict: encode again and compare the blob id. systematic: compare the roots of the slivers that hold the file itself. none: believe the slivers."`
	Output string `short:"o" required:"" placeholder:"FILE" help:"File to write; - is standard output."`

	Memory string `default:"96MiB" placeholder:"SIZE" help:"Bound of what is held of the file at a time. The command takes up to 256 MiB with the default, whatever the length."`

	Dir string `arg:"" help:"Directory of slivers."`
}

func (c *decodeCmd) Help() string {
	return `Any mix of right slivers will do, if there are enough of them. Those that were found wrong are named on standard error. Without a check, wrong slivers give a wrong file.

The file is decoded piece by piece, and appears complete or not at all. With -o - or a pipe, nothing is written before all of it is known to pass a strict check, and with a systematic one no byte before it is known to be right.

With -o -, the file goes to standard output and everything else to standard error.

Example: rs2d decode -o photo.jpg photo.rs2d

JSON: id, length, check, discarded (names of sliver files found wrong), decode_seconds (with the writing), mb_per_second.`
}

// decodeReport is what decode prints as JSON.
type decodeReport struct {
	ID            string   `json:"id"`
	Length        uint64   `json:"length"`
	Check         string   `json:"check"`
	Discarded     []string `json:"discarded"`
	DecodeSeconds float64  `json:"decode_seconds"`
	MBPerSecond   float64  `json:"mb_per_second"`
}

var checks = map[string]rs2d.Check{
	"strict":     rs2d.CheckStrict,
	"systematic": rs2d.CheckSystematic,
	"none":       rs2d.CheckNone,
}

// Run decodes a directory into a file.
func (c *decodeCmd) Run(a *app) error {
	store, err := restore.Open(c.Dir, a.progress)
	if err != nil {
		return err
	}
	defer store.Close()
	toStdout := c.Output == stdinName
	if toStdout && c.JSON {
		return errors.New("--json and -o - both want standard output")
	}
	memory, err := parseSize("--memory", c.Memory)
	if err != nil {
		return err
	}
	// The runtime collects garbage and gives memory back as it comes near to this.
	limit := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(limit)
	debug.SetMemoryLimit(min(limit, int64(max(16<<20, min(memory, 1<<40))*5/2)))
	start, length := time.Now(), store.Meta().Length
	discarded := []string{}
	if toStdout {
		err = decodeTo(a, store, a.stdout, checks[c.Check], memory, &discarded)
	} else {
		err = c.decodeFile(a, store, memory, &discarded)
	}
	if err != nil || toStdout {
		return err
	}
	took := time.Since(start)
	r := decodeReport{
		ID: store.ID().String(), Length: length, Check: c.Check, Discarded: discarded,
		DecodeSeconds: took.Seconds(), MBPerSecond: ui.MBps(int64(length), took),
	}
	return c.report(a, r, func(io.Writer) error {
		fmt.Fprintf(a.stderr, "%s decoded in %s (%s), check: %s\n",
			ui.Bytes(r.Length), ui.Duration(took), ui.Rate(int64(r.Length), took), c.Check)
		return nil
	})
}

// decodeFile decodes into a file, or what else has its name.
func (c *decodeCmd) decodeFile(a *app, store *restore.Store, memory uint64, discarded *[]string) error {
	out, err := atomicfile.Create(a.ctx, c.Output)
	if err != nil {
		return err
	}
	defer out.Discard()
	var w io.Writer = out
	var opts []rs2d.StreamOption
	if file := out.Random(); file != nil {
		if err := atomicfile.Allocate(file, int64(store.Meta().Length)); err != nil {
			return fmt.Errorf("%s: %w", c.Output, unwrapPath(err))
		}
		w = io.NewOffsetWriter(file, 0)
		opts = append(opts, rs2d.ReadBack(file))
	}
	named := &namedWriter{w: w, name: c.Output}
	if err := decodeTo(a, store, named, checks[c.Check], memory, discarded, opts...); err != nil {
		return closedPipe(err)
	}
	if err := out.Commit(); err != nil {
		return closedPipe(err)
	}
	return nil
}

// decodeTo decodes into a writer. It lists the slivers that it found wrong, and names the
// directory in errors of its own.
func decodeTo(a *app, store *restore.Store, w io.Writer, check rs2d.Check, memory uint64, discarded *[]string, opts ...rs2d.StreamOption) error {
	out := &failing{w: w}
	opts = append(opts, rs2d.MaxMemory(int64(min(max(memory, 1), math.MaxInt64))))
	err := store.DecodeTo(a.ctx, out, check, opts...)
	*discarded = a.nameDiscarded(store)
	if err != nil && out.err == nil {
		return fmt.Errorf("%s: %w", store.Path(), err)
	}
	return err
}

// failing remembers the error of a writer.
type failing struct {
	w   io.Writer
	err error
}

func (f *failing) Write(data []byte) (n int, err error) {
	n, f.err = f.w.Write(data)
	return n, f.err
}

// namedWriter writes to a file in the making, of which errors have the name that it will
// have.
type namedWriter struct {
	w    io.Writer
	name string
}

func (w *namedWriter) Write(data []byte) (int, error) {
	n, err := w.w.Write(data)
	if err != nil {
		err = fmt.Errorf("%s: %w", w.name, unwrapPath(err))
	}
	return n, err
}

// writeFile puts a file in the place of what has the name.
func (a *app) writeFile(name string, data []byte) error {
	return closedPipe(atomicfile.WriteFile(a.ctx, name, data))
}

// closedPipe makes an *cli.OutputError of an error of writing to a pipe that nobody reads
// any longer: one is as good as standard output.
func closedPipe(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return &cli.OutputError{Err: err}
	}
	return err
}

// nameDiscarded names the slivers that are there but were found wrong.
func (a *app) nameDiscarded(store *restore.Store) []string {
	names := []string{}
	for _, p := range store.Problems() {
		if errors.Is(p.Err, sliverdir.ErrMissing) {
			continue
		}
		names = append(names, store.File(p.Ref))
		fmt.Fprintf(a.stderr, "rs2d: %s: %s is discarded: %v\n", store.Path(), store.File(p.Ref), p.Err)
	}
	return names
}
