package main

import (
	"context"
	"io"

	"github.com/alecthomas/kong"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/node/store"
)

const about = `A storage node for RedStuff blobs.

A committee of nodes owns n shards, each of which stores one pair of slivers of every blob. The owners of any third of them may be down, or lie: blobs are still written, read and healed. rs2d put, get, stat and ls are the other end.

Exit codes: 0 all is well; 1 some node is not healthy; 2 wrong usage, or a failure; 3 the store is damaged, of another version, or another node's, and starting again does not help; 130 interrupted.`

// grammar is the command line.
type grammar struct {
	Init     initCmd     `cmd:"" help:"Make a committee: keys, certificates and configurations, in a directory."`
	Keygen   keygenCmd   `cmd:"" help:"Make the key of one node or client."`
	Register registerCmd `cmd:"" help:"Print the registration of a node for the genesis of a ledger."`
	Join     joinCmd     `cmd:"" help:"Register a node on a running ledger, and stake with it."`
	Leave    leaveCmd    `cmd:"" help:"Withdraw a node's stake, and wait until nobody needs it."`
	Update   updateCmd   `cmd:"" help:"Give a node another address or name on the ledger, or let it ask and offer something else."`
	Vote     voteCmd     `cmd:"" help:"Vote on the numbers of challenges and fines."`
	Rotate   rotateCmd   `cmd:"" help:"Give a node a new key, from the next epoch on."`
	Slash    slashCmd    `cmd:"" help:"Vote that the commission of a node is burned which has done wrong."`
	Doubt    doubtCmd    `cmd:"" help:"Say that blobs cannot be read though nodes pass challenges."`
	Run      runCmd      `cmd:"" help:"Run a node."`
	Status   statusCmd   `cmd:"" help:"Ask the nodes of a committee how they are."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// unusable are errors of a store that only its operator can do something about.
var unusable = []error{store.ErrDamaged, store.ErrFormat, store.ErrOwner}

// execute runs the command line args and returns the exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	d := &cli.Daemon{Name: "rs2d-node", About: about, Grammar: new(grammar), Unusable: unusable}
	return d.Execute(ctx, args, stdout, stderr)
}
