package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Exit codes, as about tells users.
const (
	exitOK          = 0
	exitFound       = 1
	exitFailed      = 2
	exitInterrupted = 130
)

const about = `RedStuff, the two-dimensional Reed–Solomon code of Walrus, for files.

A file becomes n pairs of slivers with a blob id that commits to every byte of them. Any third of the pairs may be lost or corrupt.

Exit codes: 0 all is well; 1 the check found something, or the data cannot be restored; 2 wrong usage, or a file cannot be read or written; 130 interrupted.

REDSTUFF_CPU forces an instruction set by name; rs2d bench lists them.`

// cli is the command line.
type cli struct {
	ID     idCmd     `cmd:"" name:"id" help:"Print blob ids of files."`
	Encode encodeCmd `cmd:"" help:"Encode a file into a directory of slivers."`
	Decode decodeCmd `cmd:"" help:"Decode a directory of slivers into the file."`
	Verify verifyCmd `cmd:"" help:"List missing and corrupt slivers."`
	Repair repairCmd `cmd:"" help:"Rebuild missing and corrupt slivers."`
	Cat    catCmd    `cmd:"" help:"Print bytes of an encoded file."`
	Info   infoCmd   `cmd:"" help:"Describe a directory of slivers."`
	Bench  benchCmd  `cmd:"" help:"Measure this CPU, one instruction set beside the other."`
	Demo   demoCmd   `cmd:"" help:"Encode, destroy, decode and repair, and tell what it took."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// app is what a command has of the world outside.
type app struct {
	ctx      context.Context
	stdin    io.Reader
	stdout   io.Writer
	stderr   io.Writer
	progress *ui.Progress
}

// foundError is an error with exit code 1.
type foundError struct{ error }

func (e foundError) Unwrap() error { return e.error }

// found returns an error with exit code 1.
func found(format string, args ...any) error { return foundError{fmt.Errorf(format, args...)} }

// exited is what kong's Exit panics with, because kong goes on if Exit returns.
type exited int

// execute runs the command line args and returns the exit code.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exited:
			code = int(r)
		default:
			panic(r)
		}
	}()
	fail := func(err error) int {
		fmt.Fprintf(stderr, "rs2d: %s\n", oneLine(err))
		return exitCode(err)
	}
	parser, err := kong.New(&cli{},
		kong.Name("rs2d"),
		kong.Description(about),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ShortUsageOnError(),
		kong.Vars{"version": version()})
	if err != nil {
		return fail(err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return fail(err)
	}
	err = parsed.Run(&app{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, progress: ui.NewProgress(stderr)})
	if err != nil {
		return fail(err)
	}
	return exitOK
}

// exitCode returns the exit code that goes with an error: 1 if it tells something of
// the data, 2 if of their use.
func exitCode(err error) int {
	var (
		found        foundError
		few          *rs2d.NotEnoughError
		inconsistent *rs2d.InconsistentError
		mismatch     *commit.IDMismatchError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &found), errors.As(err, &few), errors.As(err, &inconsistent),
		errors.As(err, &mismatch), errors.Is(err, commit.ErrMalformed):
		return exitFound
	}
	return exitFailed
}

// oneLine writes an error for people, in one line.
func oneLine(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	text := err.Error()
	var path *fs.PathError
	if errors.As(err, &path) { // whether it was an open or a stat that failed is no news
		text = strings.Replace(text, path.Error(), fmt.Sprintf("%s: %v", path.Path, path.Err), 1)
	}
	// The packages' names are for programmers.
	return strings.NewReplacer("\n", "; ", ": rs2d: ", ": ", ": commit: ", ": ", ": rs: ", ": ").Replace(text)
}

// version names the module's version, and the commit if it is known.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "rs2d (devel)"
	}
	v := "rs2d " + info.Main.Version
	if info.Main.Version == "" {
		v = "rs2d (devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v += " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return v + " " + info.GoVersion
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
	e := json.NewEncoder(a.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
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
