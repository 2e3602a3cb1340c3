package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
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

JSON: chain, name, shards, height, root, time_millis, epoch, phase (sync, done or selected), due_millis, sync_weight, members, storage_price and write_price (of a MiB), capacity and used (bytes), fee_per_byte, burned.`
}

// Run tells how the ledger is.
func (c *statusCmd) Run(a *app) error {
	s, err := awaitStatus(a.ctx, rpc.NewClient(c.Ledger), c.Wait)
	if err != nil {
		return err
	}
	if c.JSON {
		return cli.WriteJSON(a.stdout, s)
	}
	t := ui.NewTable(a.stdout)
	t.Row("network", s.Name)
	t.Row("chain", fmt.Sprintf("%x", []byte(s.Chain)))
	t.Row("height", ui.Count(s.Height))
	t.Row("root", fmt.Sprintf("%x", []byte(s.Root)))
	t.Row("epoch", fmt.Sprintf("%d, %s; next change %s", s.Epoch, s.Phase, time.UnixMilli(int64(min(s.DueMillis, 1<<53))).UTC().Format(time.RFC3339)))
	t.Row("committee", fmt.Sprintf("%d nodes, %d shards", s.Members, s.Shards))
	t.Row("storage", fmt.Sprintf("%s of %s reserved", ui.Bytes(s.Used), ui.Bytes(s.Capacity)))
	t.Row("prices", fmt.Sprintf("%s a MiB and epoch, %s a MiB written, fee %s a byte", ui.Count(s.StoragePrice), ui.Count(s.WritePrice), ui.Count(s.FeePerByte)))
	return t.Flush()
}

// awaitStatus asks until the ledger answers, or the time is over.
func awaitStatus(ctx context.Context, l chain.Ledger, wait time.Duration) (chain.Status, error) {
	limited, cancel := context.WithTimeout(ctx, max(wait, 10*time.Second))
	defer cancel()
	end := time.Now().Add(wait)
	for {
		s, err := l.Status(limited)
		if err == nil || time.Now().After(end) || limited.Err() != nil {
			return s, err
		}
		timer := time.NewTimer(100 * time.Millisecond)
		select {
		case <-timer.C:
		case <-limited.Done():
			timer.Stop()
		}
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

// pollTime is how long a ledger is asked to wait for events.
const pollTime = 30 * time.Second

// Run prints events.
func (c *eventsCmd) Run(a *app) error {
	l := rpc.NewClient(c.Ledger)
	status, err := l.Status(a.ctx)
	if err != nil {
		return err
	}
	at := chain.Cursor{Height: c.From}
	for c.Follow || at.Height <= status.Height {
		wait := pollTime
		if !c.Follow {
			wait = time.Second // what there is comes at once
		}
		ctx, cancel := context.WithTimeout(a.ctx, wait)
		events, next, err := l.Events(ctx, at, rpc.MaxEvents)
		cancel()
		if err != nil {
			return err
		}
		if a.ctx.Err() != nil {
			return a.ctx.Err()
		}
		for _, e := range events {
			if err := c.print(a.stdout, e); err != nil {
				return err
			}
		}
		if !c.Follow && next == at {
			return nil
		}
		at = next
	}
	return nil
}

func (c *eventsCmd) print(w io.Writer, e chain.Event) error {
	out, err := rpc.EventOf(e)
	if err != nil {
		return err
	}
	if c.JSON {
		line, err := json.Marshal(out)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", line)
		return err
	}
	_, err = fmt.Fprintf(w, "%d.%d\t%s\t%s\n", out.Height, out.Index, out.Kind, out.Fields)
	return err
}
