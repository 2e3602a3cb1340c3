package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
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
	cl, err := c.client(client.Options{Check: checks[c.Check]})
	if err != nil {
		return err
	}
	defer cl.Close()
	start := time.Now()
	var data []byte
	var length uint64
	err = c.within(a, "reading", func(ctx context.Context) error {
		data, length, err = c.read(ctx, cl)
		return err
	})
	if err != nil {
		return fmt.Errorf("%v: %w", c.ID, err)
	}
	took := time.Since(start)
	if toStdout {
		_, err := a.stdout.Write(data)
		return err
	}
	if err := atomicfile.WriteFile(c.Output, data); err != nil {
		return err
	}
	r := getReport{
		ID: c.ID.String(), Length: int64(len(data)), BlobLength: length,
		Seconds: took.Seconds(), MBPerSecond: ui.MBps(int64(len(data)), took), ReceivedBytes: cl.Wire().Received.Load(),
	}
	return c.report(a, r, func(io.Writer) error {
		fmt.Fprintf(a.stderr, "%s read in %s (%s)\n", ui.Bytes(r.Length), ui.Duration(took), ui.Rate(r.Length, took))
		return nil
	})
}

// read returns what of the blob was asked for, and the length of all of it.
func (c *getCmd) read(ctx context.Context, cl *client.Client) (data []byte, length uint64, err error) {
	meta, err := cl.Metadata(ctx, c.ID)
	if err != nil {
		return nil, 0, err
	}
	if c.Range == "" {
		data, err = cl.Read(ctx, c.ID)
		return data, meta.Length, err
	}
	offset, count, err := parseRange(c.Range, meta.Length)
	if err != nil || count == 0 {
		return nil, meta.Length, err
	}
	data, err = cl.ReadRange(ctx, c.ID, offset, count)
	return data, meta.Length, err
}
