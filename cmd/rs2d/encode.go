package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/sliverdir"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

type encodeCmd struct {
	codeFlags
	inputFlags
	jsonFlag
	Output string `short:"o" required:"" placeholder:"DIR" help:"Directory to write."`
	Force  bool   `help:"Replace a directory of slivers that is there already."`
	File   string `arg:"" help:"File to encode; - is standard input."`
}

func (c *encodeCmd) Help() string {
	return `DIR gets the files metadata, 0000.primary, 0000.secondary, 0001.primary and so on: one file a sliver, numbered by sliver pair. It appears complete or not at all.

A file that changes meanwhile is an error, and nothing is written. A long file is encoded piece by piece. Shorter ones and standard input are held in memory with their slivers, about six times their length.

Example: rs2d encode --shards 1000 -o photo.rs2d photo.jpg

JSON: id, scheme, shards, length, symbol_size, sliver_bytes (all files but metadata), streamed (true if FILE was encoded piece by piece, so that encode_seconds include most of the writing), encode_seconds, mb_per_second (of FILE), write_seconds.`
}

// encodeReport is what encode prints as JSON.
type encodeReport struct {
	ID            string  `json:"id"`
	Scheme        string  `json:"scheme"`
	Shards        int     `json:"shards"`
	Length        int64   `json:"length"`
	SymbolSize    int     `json:"symbol_size"`
	SliverBytes   int64   `json:"sliver_bytes"`
	Streamed      bool    `json:"streamed"`
	EncodeSeconds float64 `json:"encode_seconds"`
	MBPerSecond   float64 `json:"mb_per_second"`
	WriteSeconds  float64 `json:"write_seconds"`
}

// Run encodes a file into a directory.
func (c *encodeCmd) Run(a *app) error {
	code, err := c.code()
	if err != nil {
		return err
	}
	streamAbove, err := c.streamAbove()
	if err != nil {
		return err
	}
	if err := notStandard("--output", c.Output, "a directory"); err != nil {
		return err
	}
	// What cannot be written is better known before the work.
	if err := sliverdir.CheckTarget(c.Output, c.Force); err != nil {
		if errors.Is(err, sliverdir.ErrOccupied) && !c.Force {
			return fmt.Errorf("%w; --force replaces it", err)
		}
		return err
	}
	in, err := a.open(a.ctx, c.File, code.Params(), streamAbove)
	if err != nil {
		return err
	}
	defer in.close()
	params := code.Params()
	size, err := params.SymbolSize(uint64(in.size))
	if err != nil {
		return err
	}
	slivers, err := sliverBytes(params, in.size)
	if err != nil {
		return err
	}
	d := &directory{path: c.Output, replace: c.Force, slivers: slivers}
	if in.file == nil {
		err = d.encode(a, code, in.bytes)
	} else {
		err = d.stream(a, code, in)
	}
	if err != nil {
		return err
	}
	r := encodeReport{
		ID: d.id.String(), Scheme: c.Scheme.String(), Shards: c.Shards,
		Length: in.size, SymbolSize: size, SliverBytes: d.slivers, Streamed: in.file != nil,
		EncodeSeconds: d.encoding.Seconds(), MBPerSecond: ui.MBps(in.size, d.encoding), WriteSeconds: d.writing.Seconds(),
	}
	return c.report(a, r, func(w io.Writer) error {
		io.WriteString(w, cli.SumLine(r.ID, c.File))
		fmt.Fprintf(a.stderr, "%s in %s slivers: %s (%s), encoded in %s (%s), written in %s\n",
			ui.Bytes(r.Length), ui.Count(2*r.Shards), ui.Bytes(r.SliverBytes), ui.Ratio(r.SliverBytes, r.Length),
			ui.Duration(d.encoding), ui.Rate(r.Length, d.encoding), ui.Duration(d.writing))
		return nil
	})
}

// sliverBytes returns the length of all slivers of a blob.
func sliverBytes(params commit.Params, length int64) (int64, error) {
	size, err := params.SymbolSize(uint64(length))
	return int64(params.N) * int64(params.P+params.S) * int64(size), err
}

// directory is a directory of slivers in the making, and what it took.
type directory struct {
	path     string
	replace  bool
	slivers  int64 // bytes of all of them
	id       commit.BlobID
	encoding time.Duration
	writing  time.Duration
}

// encode encodes a blob in memory, and then writes it.
func (d *directory) encode(a *app, code *rs2d.Code, blob []byte) error {
	start := time.Now()
	encoding, err := ui.Wait(a.ctx, a.progress, "encoding", func() (*rs2d.Encoding, error) { return code.Encode(blob) })
	if err != nil {
		return err
	}
	d.encoding = time.Since(start)
	d.id = encoding.ID()

	start = time.Now()
	bar := a.progress.Bar("writing", d.slivers)
	defer bar.Done()
	err = sliverdir.Create(a.ctx, d.path, d.replace, code.Params(), uint64(len(blob)), func(w *sliverdir.Writer) (*commit.Metadata, error) {
		return encoding.Metadata(), w.WriteAll(a.ctx, encoding, bar.Add)
	})
	d.writing = time.Since(start)
	return err
}

// stream encodes a file piece by piece, and writes its slivers as they come about.
func (d *directory) stream(a *app, code *rs2d.Code, in *input) error {
	start := time.Now()
	bar := a.progress.Bar("encoding", d.slivers)
	defer bar.Done()
	err := sliverdir.Create(a.ctx, d.path, d.replace, code.Params(), uint64(in.size), func(w *sliverdir.Writer) (*commit.Metadata, error) {
		meta, id, err := in.encodeTo(a.ctx, code, counted{w, bar})
		d.id = id
		d.encoding = time.Since(start)
		start = time.Now()
		return meta, err
	})
	d.writing = time.Since(start)
	return err
}

// counted is a sink that tells a bar what went into it.
type counted struct {
	rs2d.Sink
	bar *ui.Bar
}

func (c counted) WriteSliverAt(ref rs2d.SliverRef, data []byte, off int64) error {
	err := c.Sink.WriteSliverAt(ref, data, off)
	c.bar.Add(len(data))
	return err
}
