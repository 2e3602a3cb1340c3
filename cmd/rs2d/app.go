package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ctxio"
	"github.com/redstuff-go/redstuff/cmd/internal/restore"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/rs2d"
)

const about = `RedStuff, the two-dimensional Reed–Solomon code of Walrus, for files and for clusters.

A file becomes n pairs of slivers with a blob id that commits to every byte of them. Any third of the pairs may be lost or corrupt.

Exit codes: 0 all is well; 1 the check found something, the data cannot be restored, too few nodes answer, or the ledger refuses or does not answer; 2 wrong usage, or a file cannot be read or written; 130 interrupted; 141 nobody reads the output any longer.

A name that JSON cannot hold, because it is not UTF-8, has U+FFFD for what is wrong with it, and file_base64 beside it has its exact bytes.

REDSTUFF_CPU forces an instruction set by name; rs2d bench lists them.`

// grammar is the command line.
type grammar struct {
	ID      idCmd      `cmd:"" name:"id" help:"Print blob ids of files."`
	Encode  encodeCmd  `cmd:"" help:"Encode a file into a directory of slivers."`
	Decode  decodeCmd  `cmd:"" help:"Decode a directory of slivers into the file."`
	Verify  verifyCmd  `cmd:"" help:"List missing and corrupt slivers."`
	Repair  repairCmd  `cmd:"" help:"Rebuild missing and corrupt slivers."`
	Cat     catCmd     `cmd:"" help:"Print bytes of an encoded file."`
	Info    infoCmd    `cmd:"" help:"Describe a directory of slivers."`
	Put     putCmd     `cmd:"" help:"Store a file on a committee of nodes."`
	Get     getCmd     `cmd:"" help:"Read a blob from a committee of nodes."`
	Stat    statCmd    `cmd:"" help:"Tell what a committee of nodes has of a blob."`
	Ls      lsCmd      `cmd:"" help:"List the blobs of a committee of nodes."`
	Extend  extendCmd  `cmd:"" help:"Pay for more epochs of a blob on a ledger."`
	Rm      rmCmd      `cmd:"" help:"Delete blobs on a ledger."`
	Account accountCmd `cmd:"" help:"Accounts on a ledger, which pay for blobs."`
	Ledger  ledgerCmd  `cmd:"" help:"Ask a ledger what it knows."`
	Bench   benchCmd   `cmd:"" help:"Measure this CPU, one instruction set beside the other."`
	Demo    demoCmd    `cmd:"" help:"Encode, destroy, decode and repair, and tell what it took."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// app is what a command has of the world outside.
type app struct {
	ctx      context.Context
	stdin    io.Reader
	stdout   *cli.Output
	stderr   io.Writer
	progress *ui.Progress
}

// found returns an error with exit code 1.
func found(format string, args ...any) error { return cli.AsFound(fmt.Errorf(format, args...)) }

// execute runs the command line args and returns the exit code.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := cli.NewOutput(ctxio.Writer(ctx, stdout))
	p := &cli.Program{
		Name: "rs2d", About: about, Grammar: &grammar{}, ExitCode: exitCode, Stdout: out, Stderr: stderr,
		App: &app{ctx: ctx, stdin: stdin, stdout: out, stderr: stderr, progress: ui.NewProgress(stderr)},
	}
	return p.Execute(dashedIDs(args))
}

// exitCode returns the exit code that goes with an error: 1 if it tells something of
// the data, 2 if of their use.
func exitCode(err error) int {
	var (
		few          *rs2d.NotEnoughError
		inconsistent *rs2d.InconsistentError
		mismatch     *commit.IDMismatchError
	)
	code := cli.ExitCode(err)
	if unreadable := (*restore.UnreadableError)(nil); errors.As(err, &unreadable) {
		return code
	}
	if code == cli.Failed && (errors.As(err, &few) || errors.As(err, &inconsistent) ||
		errors.As(err, &mismatch) || errors.Is(err, commit.ErrMalformed) ||
		errors.Is(err, client.ErrNotFound) || errors.Is(err, client.ErrInconsistent) || errors.Is(err, client.ErrUnavailable)) {
		return cli.Found
	}
	return code
}

// jsonFlag is the flag of the commands that print figures.
type jsonFlag struct {
	JSON bool `name:"json" help:"Print one JSON object instead of text."`
}

// report prints v as JSON if that was asked for, or else what text prints.
func (f jsonFlag) report(a *app, v any, text func(w io.Writer) error) error {
	if !f.JSON {
		return text(a.stdout)
	}
	return cli.WriteJSON(a.stdout, v)
}

// codeFlags choose a code.
type codeFlags struct {
	Scheme commit.Scheme `default:"blake3" help:"Hash of the commitments: blake3, or walrus for the ids of Walrus mainnet."`
	Shards int           `short:"n" default:"100" help:"Number of shards, 4 or more."`
}

func (f codeFlags) code() (*rs2d.Code, error) {
	code, err := rs2d.New(f.Shards, rs2d.WithScheme(f.Scheme))
	if err != nil {
		return nil, fmt.Errorf("no code over %d shards: %w", f.Shards, err)
	}
	return code, nil
}
