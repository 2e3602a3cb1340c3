package main

import (
	"context"
	"io"

	"github.com/alecthomas/kong"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
)

const about = `A gateway to a cluster of RedStuff nodes, for whoever has no client of it: curl, and programs made for Walrus's publisher and aggregator.

Exit codes: 0 ended as it was told; 2 wrong usage, or a failure; 130 interrupted.`

// grammar is the command line.
type grammar struct {
	Run runCmd `cmd:"" help:"Run a gateway."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// execute runs the command line args and returns the exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	d := &cli.Daemon{Name: "rs2d-gateway", About: about, Grammar: new(grammar)}
	return d.Execute(ctx, args, stdout, stderr)
}
