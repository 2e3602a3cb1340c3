package comet

import (
	"context"

	"github.com/cometbft/cometbft/light"
	"github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/statesync"
	"github.com/cometbft/cometbft/types"

	"github.com/redstuff-go/redstuff/comet/app"
	"github.com/redstuff-go/redstuff/comet/headers"
)

// stateProvider returns what tells a node that joins which root to expect.
func stateProvider(o *Options, a *app.App, doc *types.GenesisDoc) (statesync.StateProvider, error) {
	j := o.Join
	trust := light.TrustOptions{Period: j.Period, Height: int64(j.Height), Hash: j.Hash}
	p, err := headers.NewStateProvider(context.Background(), doc, j.Servers, trust, logger{o.Logger})
	if err != nil {
		return nil, err
	}
	return expecting{p, a}, nil
}

// expecting tells the application who votes after a snapshot, for the ledger's root does
// not tell.
type expecting struct {
	statesync.StateProvider
	app *app.App
}

func (e expecting) State(ctx context.Context, height uint64) (state.State, error) {
	s, err := e.StateProvider.State(ctx, height)
	if err == nil {
		err = e.app.Expect(height, s.NextValidators)
	}
	return s, err
}
