package main

import (
	"errors"
	"fmt"
	"io"
	"os"
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

	StreamAbove string `default:"64MiB" placeholder:"SIZE" help:"Length from which on a file is not held whole but decoded piece by piece; what goes to a pipe is held whole."`

	Dir string `arg:"" help:"Directory of slivers."`
}

func (c *decodeCmd) Help() string {
	return `Any mix of right slivers will do, if there are enough of them. Those that were found wrong are named on standard error. Without a check, wrong slivers give a wrong file.

With -o -, the file goes to standard output and everything else to standard error.

Example: rs2d decode -o photo.jpg photo.rs2d

JSON: id, length, check, discarded (names of sliver files found wrong), streamed (true if it was decoded piece by piece, so that decode_seconds include the writing), decode_seconds, mb_per_second.`
}

// decodeReport is what decode prints as JSON.
type decodeReport struct {
	ID            string   `json:"id"`
	Length        uint64   `json:"length"`
	Check         string   `json:"check"`
	Discarded     []string `json:"discarded"`
	Streamed      bool     `json:"streamed"`
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
	streamAbove, err := parseSize("--stream-above", c.StreamAbove)
	if err != nil {
		return err
	}
	var out *atomicfile.File
	if !toStdout {
		if out, err = atomicfile.Create(a.ctx, c.Output); err != nil {
			return err
		}
		defer out.Discard()
	}
	start := time.Now()
	length := store.Meta().Length
	var blob []byte
	streamed := out != nil && out.Random() != nil && length > streamAbove
	if streamed {
		if err = atomicfile.Allocate(out.Random(), int64(length)); err != nil {
			return fmt.Errorf("%s: %w", c.Output, unwrapPath(err))
		}
		err = store.DecodeTo(a.ctx, output{out.Random(), c.Output}, checks[c.Check])
	} else {
		blob, err = store.Decode(a.ctx, checks[c.Check])
	}
	took := time.Since(start)
	discarded := a.nameDiscarded(store)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Dir, err)
	}
	if toStdout {
		_, err := a.stdout.Write(blob)
		return err
	}
	if _, err = out.Write(blob); err != nil {
		err = fmt.Errorf("%s: %w", c.Output, unwrapPath(err))
	} else {
		err = out.Commit()
	}
	if err != nil {
		return closedPipe(err)
	}
	r := decodeReport{
		ID: store.ID().String(), Length: length, Check: c.Check, Discarded: discarded, Streamed: streamed,
		DecodeSeconds: took.Seconds(), MBPerSecond: ui.MBps(int64(length), took),
	}
	return c.report(a, r, func(io.Writer) error {
		fmt.Fprintf(a.stderr, "%s decoded in %s (%s), check: %s\n",
			ui.Bytes(r.Length), ui.Duration(took), ui.Rate(int64(r.Length), took), c.Check)
		return nil
	})
}

// output is a file in the making, of which errors have the name that it will have.
type output struct {
	file *os.File
	name string
}

func (o output) WriteAt(data []byte, off int64) (int, error) {
	n, err := o.file.WriteAt(data, off)
	return n, o.named(err)
}

func (o output) ReadAt(data []byte, off int64) (int, error) {
	n, err := o.file.ReadAt(data, off)
	return n, o.named(err)
}

func (o output) named(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return fmt.Errorf("%s: %w", o.name, unwrapPath(err))
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
