// Command rs2d-comet is a validator of a RedStuff ledger that no single process is
// trusted with: CometBFT with the ledger, and the ledger's API. Run rs2d-comet --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

const about = `A validator of a RedStuff ledger, of which less than a third may be down or lie.

Each operator runs one, with the key of their storage node. Nodes and clients speak HTTP to any of them.

Exit codes: 0 all is well; 2 wrong usage, or a failure.`

// grammar is the command line.
type grammar struct {
	Run runCmd `cmd:"" help:"Run a validator."`
	ID  idCmd  `cmd:"" name:"id" help:"Print the id by which other validators know one."`
}

// app is what a command has of the world outside.
type app struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// exitFailure is the code of wrong usage and of failures.
const exitFailure = 2

// execute runs the command line args and returns the exit code.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	ended := errors.New("help was asked for")
	defer func() {
		if e := recover(); e != nil && e != any(ended) {
			panic(e)
		}
	}()
	parser, err := kong.New(new(grammar), kong.Name("rs2d-comet"), kong.Description(about), kong.Writers(stdout, stderr), kong.UsageOnError(),
		kong.Exit(func(int) { panic(ended) }))
	if err == nil {
		var k *kong.Context
		if k, err = parser.Parse(args); err == nil {
			err = k.Run(&app{ctx, stdin, stdout, stderr})
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "rs2d-comet: %v\n", err)
		return exitFailure
	}
	return 0
}
