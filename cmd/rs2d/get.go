package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
)

type getCmd struct {
	jsonFlag
	clusterFlags
	Check     string `enum:"strict,systematic" default:"strict" help:"strict: encode again and compare the blob id. systematic: compare the roots of the slivers that hold the blob itself."`
	Range     string `placeholder:"A-B" help:"Bytes A to B, as in rs2d cat; the check is systematic then."`
	Output    string `short:"o" default:"-" placeholder:"FILE" help:"File to write; - is standard output."`
	Piece     string `default:"32MiB" placeholder:"SIZE" help:"A longer blob that goes to a file is read in pieces of about this length, so that it can go on where it was; 0 reads all at once."`
	Jobs      int    `default:"8" help:"Of the files of a manifest, how many to write at once."`
	Recursive bool   `short:"r" help:"The blob is a manifest: write the files that it lists below the directory of --output."`
	File      string `placeholder:"NAME" help:"The blob is a quilt: read this file of it."`
	ID        target `arg:"" help:"Id of a blob, or of a patch of a quilt."`
}

func (c *getCmd) Help() string {
	return `Reads a blob from a committee of nodes. Nodes that are down, slow or lie are done without, as long as the owners of n-f shards serve.

Of a patch, and of a file of a quilt, nothing else of the quilt is read. A long blob that is written to a file is read piece by piece into one beside it, FILE.XXXXXXXX.rs2d-partial: when it is interrupted and given again, it goes on where it was. So does --recursive, which takes files that are there and have the right ids for read.

Example: rs2d get --committee cluster/committee.toml -o photo.jpg zqHv04rC5uFYkY8bBoBTZCw3zUsQZRxM5mGnJtlkKZc

Example: rs2d get --recursive -o photos zqHv04rC5uFYkY8bBoBTZCw3zUsQZRxM5mGnJtlkKZc

JSON: id, length (of what was read), blob_length, seconds, mb_per_second, received_bytes; of a patch, identifier and tags, too. With --recursive: id, files, kept (that were there), length, seconds, mb_per_second, received_bytes.`
}

// getReport is what get prints as JSON.
type getReport struct {
	ID            string  `json:"id"`
	Length        int64   `json:"length"`
	BlobLength    uint64  `json:"blob_length"`
	Seconds       float64 `json:"seconds"`
	MBPerSecond   float64 `json:"mb_per_second"`
	ReceivedBytes int64   `json:"received_bytes"`

	Identifier string            `json:"identifier,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
}

// Run reads a blob.
func (c *getCmd) Run(a *app) error {
	toStdout := c.Output == stdinName
	if toStdout && c.JSON {
		return errors.New("--json and -o - both want standard output")
	}
	cl, err := c.open(a, client.Options{Check: checks[c.Check]})
	if err != nil {
		return err
	}
	defer cl.close()
	if c.Recursive {
		return getTree(c, a, cl)
	}
	start := time.Now()
	got, err := c.fetch(a, cl)
	if err != nil {
		return fmt.Errorf("%v: %w", c.ID, err)
	}
	took := time.Since(start)
	if toStdout {
		if got.written {
			return nil
		}
		_, err := a.stdout.Write(got.data)
		return err
	}
	if !got.written {
		if err := a.writeFile(c.Output, got.data); err != nil {
			return err
		}
		got.length = int64(len(got.data))
	}
	r := getReport{
		ID: c.ID.String(), Length: got.length, BlobLength: got.blob, Identifier: got.identifier, Tags: got.tags,
		Seconds: took.Seconds(), MBPerSecond: ui.MBps(got.length, took), ReceivedBytes: cl.ByteCounters().Received.Load(),
	}
	return c.report(a, r, func(io.Writer) error {
		fmt.Fprintf(a.stderr, "%s read in %s (%s)\n", ui.Bytes(r.Length), ui.Duration(took), ui.Rate(r.Length, took))
		return nil
	})
}

// gotten is what was read: bytes, or if written is set what was written already, of a length.
type gotten struct {
	data       []byte
	written    bool
	length     int64
	blob       uint64 // length of the blob
	identifier string // of a patch
	tags       map[string]string
}

// fetch reads what was asked for.
func (c *getCmd) fetch(a *app, cl *session) (*gotten, error) {
	id := c.ID.quiltOrBlob()
	meta, err := within(cl, "asking", func(ctx context.Context) (*commit.Metadata, error) { return cl.Metadata(ctx, id) })
	if err != nil {
		return nil, err
	}
	if c.ID.patch != nil || c.File != "" {
		if c.Range != "" {
			return nil, errors.New("--range is of blobs, not of files in quilts")
		}
		return getPatch(c, cl, meta.Length)
	}
	if c.Output != stdinName && c.Range == "" {
		l := &longGet{session: cl, id: c.ID.blob, length: meta.Length, output: c.Output, strict: c.Check == "strict"}
		l.whole = func() error { return c.streamFile(a, cl, meta.Length) }
		piece, err := l.pieceOf(c.Piece)
		if err != nil {
			return nil, err
		}
		if piece > 0 {
			return &gotten{written: true, length: int64(meta.Length), blob: meta.Length}, l.run(piece)
		}
	}
	if c.Range == "" && meta.Length > getAbove {
		g := &gotten{written: true, length: int64(meta.Length), blob: meta.Length}
		if c.Output == stdinName {
			return g, c.stream(a, cl, meta.Length, a.stdout)
		}
		return g, c.streamFile(a, cl, meta.Length)
	}
	data, err := c.read(a, cl, meta.Length)
	return &gotten{data: data, blob: meta.Length}, err
}

// read returns what was asked for of a blob of the given length. The bar is of what must
// be received at least; a read that asks other nodes too receives more.
func (c *getCmd) read(a *app, cl *session, length uint64) ([]byte, error) {
	offset, count := uint64(0), length
	if c.Range != "" {
		var err error
		if offset, count, err = parseRange(c.Range, length); err != nil || count == 0 {
			return nil, err
		}
	}
	before := cl.ByteCounters().Received.Load()
	received := func() int64 { return cl.ByteCounters().Received.Load() - before }
	defer a.progress.Watch("reading", int64(count), received)()
	return do(cl, func(ctx context.Context) ([]byte, error) {
		if c.Range == "" {
			return cl.Read(ctx, c.ID.blob)
		}
		return cl.ReadRange(ctx, c.ID.blob, offset, count)
	})
}

// getAbove is the length from which on a blob is not read whole before it is written.
const getAbove = 32 << 20

// streamFile reads a blob of the given length to the output, which is not standard output.
func (c *getCmd) streamFile(a *app, cl *session, length uint64) error {
	f, err := atomicfile.Create(a.ctx, c.Output)
	if err != nil {
		return err
	}
	defer f.Discard()
	if file := f.Random(); file != nil {
		err = c.stream(a, cl, length, file, client.ReadBack(file))
	} else {
		err = c.stream(a, cl, length, f)
	}
	if err == nil {
		err = f.Commit()
	}
	return closedPipe(err)
}

// stream reads a blob of the given length, in bounded memory.
func (c *getCmd) stream(a *app, cl *session, length uint64, w io.Writer, options ...client.StreamOption) error {
	defer frugal()()
	var done atomic.Int64
	defer a.progress.Watch("reading", int64(length), done.Load)()
	options = append(options, client.Progress(func(now, all int64) { done.Store(int64(float64(now) / float64(max(all, 1)) * float64(length))) }))
	_, err := do(cl, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, cl.ReadTo(ctx, c.ID.blob, w, options...)
	})
	return err
}
