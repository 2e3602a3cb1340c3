// Package ledgerui is how the commands show people and programs a ledger.
package ledgerui

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/rpc"
)

// StatusJSON names what a status in JSON has.
const StatusJSON = `chain, name, shards, height, root, time_millis, epoch, phase (sync, done or selected), due_millis, sync_weight, members, storage_price and write_price (of a MiB), capacity and used (bytes), fee_per_byte, burned.`

// Status prints how a ledger is.
func Status(w io.Writer, s chain.Status) error {
	t := ui.NewTable(w)
	t.Row("network", s.Name)
	t.Row("chain", fmt.Sprintf("%x", []byte(s.Chain)))
	t.Row("height", ui.Count(s.Height))
	t.Row("root", fmt.Sprintf("%x", []byte(s.Root)))
	t.Row("epoch", fmt.Sprintf("%d, %s; something is due %s", s.Epoch, s.Phase, time.UnixMilli(int64(min(s.DueMillis, 1<<53))).UTC().Format(time.RFC3339)))
	t.Row("committee", fmt.Sprintf("%d nodes, %d shards", s.Members, s.Shards))
	t.Row("storage", fmt.Sprintf("%s of %s reserved", ui.Bytes(s.Used), ui.Bytes(s.Capacity)))
	t.Row("prices", fmt.Sprintf("%s a MiB and epoch, %s a MiB written, fee %s a byte", ui.Count(s.StoragePrice), ui.Count(s.WritePrice), ui.Count(s.FeePerByte)))
	return t.Flush()
}

// Times for which a ledger is asked to wait for events: for more of them, and for those
// that there are, which come at once.
const (
	followTime = 30 * time.Second
	listTime   = 1900 * time.Millisecond // of which a server waits for none
)

// Events calls f with the events from a height on, up to what there is; or, if they are
// followed, until the context ends.
func Events(ctx context.Context, l chain.Ledger, from uint64, follow bool, f func(chain.Event) error) error {
	status, err := l.Status(ctx)
	if err != nil {
		return err
	}
	wait := listTime
	if follow {
		wait = followTime
	}
	for at := (chain.Cursor{Height: from}); follow || at.Height <= status.Height; {
		limited, cancel := context.WithTimeout(ctx, wait)
		events, next, err := l.Events(limited, at, rpc.MaxEvents)
		cancel()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := f(e); err != nil {
				return err
			}
		}
		if !follow && next == at {
			return nil
		}
		at = next
	}
	return nil
}

// Event prints an event in a line, of JSON if that was asked for.
func Event(w io.Writer, e chain.Event, asJSON bool) error {
	out, err := rpc.EventOf(e)
	if err != nil {
		return err
	}
	if asJSON {
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
