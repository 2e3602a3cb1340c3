package main

import (
	"context"
	"io"

	"github.com/alecthomas/kong"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/node/control/embedded"
)

const about = `The ledger of a network of RedStuff nodes: who stores what, who paid for it and until when.

It runs in one process, whom all its users trust, on a durable log. Nodes and clients speak HTTP to it.

Exit codes: 0 all is well; 2 wrong usage, or a failure; 3 the log is damaged or another ledger's, and starting again does not help; 130 interrupted.`

// grammar is the command line.
type grammar struct {
	Init   initCmd   `cmd:"" help:"Write how a ledger begins, from the registrations of its first nodes."`
	Run    runCmd    `cmd:"" help:"Run a ledger."`
	Status statusCmd `cmd:"" help:"Tell how a ledger is."`
	Events eventsCmd `cmd:"" help:"Print what happened on a ledger."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// execute runs the command line args and returns the exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	d := &cli.Daemon{Name: "rs2d-ledger", About: about, Grammar: new(grammar), Unusable: []error{embedded.ErrLog}}
	return d.Execute(ctx, args, stdout, stderr)
}
