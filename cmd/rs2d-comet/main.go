// Command rs2d-comet is a validator of a RedStuff ledger that no single process is
// trusted with: CometBFT with the ledger, and the ledger's API. Run rs2d-comet --help.
package main

import (
	"context"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
)

const about = `A validator of a RedStuff ledger, of which less than a third may be down or lie.

Each operator runs one, with the key of their storage node. Nodes and clients speak HTTP to any of them.

Exit codes: 0 all is well; 2 wrong usage, or a failure; 130 interrupted.`

// grammar is the command line.
type grammar struct {
	Run runCmd `cmd:"" help:"Run a validator."`
	ID  idCmd  `cmd:"" name:"id" help:"Print the id by which other validators know one."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// app is what a command has of the world outside.
type app struct {
	cli.App
	stdin io.Reader
}

func main() {
	os.Exit(cli.Main(func(ctx context.Context) int {
		return execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	}))
}

// execute runs the command line args and returns the exit code.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := cli.NewOutput(stdout)
	p := &cli.Program{
		Name: "rs2d-comet", About: about, Grammar: new(grammar), ExitCode: cli.ExitCode, Stdout: out, Stderr: stderr,
		App: &app{cli.App{Ctx: ctx, Stdout: out, Stderr: stderr}, stdin},
	}
	return p.Execute(args)
}
