package main

import (
	"context"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ledgerui"
	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/rpc"
)

// ledgerFlags say which ledger to ask.
type ledgerFlags struct {
	Ledger string `default:"http://127.0.0.1:7000" placeholder:"URL" env:"REDSTUFF_LEDGER" help:"Where the ledger is."`
	JSON   bool   `name:"json" help:"Print JSON instead of text."`
}

type statusCmd struct {
	ledgerFlags
	Wait time.Duration `placeholder:"TIME" help:"Wait so long for the ledger to answer."`
}

func (c *statusCmd) Help() string {
	return `Example: rs2d-ledger status --ledger http://127.0.0.1:7000 --wait 10s

JSON: ` + ledgerui.StatusJSON
}

// Run tells how the ledger is.
func (c *statusCmd) Run(a *cli.App) error {
	r, err := awaitStatus(a.Ctx, rpc.NewClient(c.Ledger), c.Wait)
	if err != nil {
		return err
	}
	if c.JSON {
		return cli.WriteJSON(a.Stdout, r)
	}
	return ledgerui.Status(a.Stdout, r)
}

// awaitStatus asks until the ledger answers, or the time is over.
func awaitStatus(ctx context.Context, l chain.Ledger, wait time.Duration) (ledgerui.Report, error) {
	limited, cancel := context.WithTimeout(ctx, max(wait, 10*time.Second))
	defer cancel()
	end := time.Now().Add(wait)
	for {
		r, err := ledgerui.Ask(limited, l)
		if err == nil || time.Now().After(end) || limited.Err() != nil {
			return r, err
		}
		_ = pause.For(limited, 100*time.Millisecond) // the next attempt tells that time is up
	}
}

type eventsCmd struct {
	ledgerFlags
	From   uint64 `placeholder:"HEIGHT" help:"Height of the first block to print events of; default the first one."`
	Follow bool   `short:"f" help:"Wait for more, until interrupted."`
}

func (c *eventsCmd) Help() string {
	return `Prints one event a line. With --json, each line is a JSON object: height, index, tx, kind, bcs, fields.

Example: rs2d-ledger events --follow`
}

// Run prints events.
func (c *eventsCmd) Run(a *cli.App) error {
	return ledgerui.Events(a.Ctx, rpc.NewClient(c.Ledger), c.From, c.Follow, func(e chain.Event) error {
		return ledgerui.Event(a.Stdout, e, c.JSON)
	})
}
