package s3

import (
	"context"
	"math"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
)

// registered returns an account's registrations of a blob that it can end.
func registered(ctx context.Context, a *account.Account, id commit.BlobID) (all []daemon.ObjectID, err error) {
	own, err := a.Registrations(a.InSession(ctx), id)
	for _, r := range own {
		if r.Deletable && !r.Shared {
			all = append(all, daemon.ObjectID(r.Object))
		}
	}
	return all, err
}

// EpochsOf returns what tells how time passes on a ledger, by a clock.
func EpochsOf(ctx context.Context, l chain.Ledger, now func() time.Time) (func(context.Context) (Epochs, error), error) {
	begin, err := l.Genesis(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (Epochs, error) {
		there, err := l.Status(ctx)
		if err != nil {
			return Epochs{}, err
		}
		here := now()
		return Epochs{
			Now: here, Current: there.Epoch, Most: begin.MaxEpochsAhead,
			Left:   max(0, time.UnixMilli(int64(min(there.NextMillis, math.MaxInt64))).Sub(here)),
			Length: time.Duration(min(there.EpochMillis, math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond,
		}, nil
	}, nil
}
