package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
)

type getCmd struct {
	jsonFlag
	clusterFlags
	Check  string        `enum:"strict,systematic" default:"strict" help:"strict: encode again and compare the blob id. systematic: compare the roots of the slivers that hold the blob itself."`
	Range  string        `placeholder:"A-B" help:"Bytes A to B, as in rs2d cat; the check is systematic then."`
	Output string        `short:"o" default:"-" placeholder:"FILE" help:"File to write; - is standard output."`
	ID     commit.BlobID `arg:"" help:"Blob id."`
}

func (c *getCmd) Help() string {
	return `Reads a blob from a committee of nodes. Nodes that are down, slow or lie are done without, as long as the owners of n-f shards serve.

Example: rs2d get --committee cluster/committee.toml -o photo.jpg zqHv04rC5uFYkY8bBoBTZCw3zUsQZRxM5mGnJtlkKZc

JSON: id, length (of what was read), blob_length, seconds, mb_per_second, received_bytes.`
}

// getReport is what get prints as JSON.
type getReport struct {
	ID            string  `json:"id"`
	Length        int64   `json:"length"`
	BlobLength    uint64  `json:"blob_length"`
	Seconds       float64 `json:"seconds"`
	MBPerSecond   float64 `json:"mb_per_second"`
	ReceivedBytes int64   `json:"received_bytes"`
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
	start := time.Now()
	meta, err := within(cl, "asking", func(ctx context.Context) (*commit.Metadata, error) { return cl.Metadata(ctx, c.ID) })
	if err != nil {
		return fmt.Errorf("%v: %w", c.ID, err)
	}
	data, err := c.read(a, cl, meta.Length)
	if err != nil {
		return fmt.Errorf("%v: %w", c.ID, err)
	}
	took := time.Since(start)
	if toStdout {
		_, err := a.stdout.Write(data)
		return err
	}
	if err := a.writeFile(c.Output, data); err != nil {
		return err
	}
	r := getReport{
		ID: c.ID.String(), Length: int64(len(data)), BlobLength: meta.Length,
		Seconds: took.Seconds(), MBPerSecond: ui.MBps(int64(len(data)), took), ReceivedBytes: cl.ByteCounters().Received.Load(),
	}
	return c.report(a, r, func(io.Writer) error {
		fmt.Fprintf(a.stderr, "%s read in %s (%s)\n", ui.Bytes(r.Length), ui.Duration(took), ui.Rate(r.Length, took))
		return nil
	})
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
			return cl.Read(ctx, c.ID)
		}
		return cl.ReadRange(ctx, c.ID, offset, count)
	})
}
