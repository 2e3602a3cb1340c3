package app

import (
	"context"
	"encoding/hex"

	abci "github.com/cometbft/cometbft/abci/types"
	cryptoproto "github.com/cometbft/cometbft/proto/tendermint/crypto"

	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// ChainID returns the name of CometBFT's chain for a ledger. CometBFT bounds names to 50
// characters.
func ChainID(id ledger.ChainID) string { return "redstuff-" + hex.EncodeToString(id[:20]) }

// QueryPath is the path at which Query knows keys of the ledger's state.
const QueryPath = "/state"

// ProofOp is the type of the proof in the answer to a query: a tree.Proof, which is
// verified against the app hash of the header after the answer's height.
const ProofOp = "redstuff:tree"

// info answers what is asked of the state.
type info struct{ *core }

// Info tells where the application ended, so that CometBFT replays what is missing.
func (i *info) Info(context.Context, *abci.RequestInfo) (*abci.ResponseInfo, error) {
	now := i.now.Load()
	return &abci.ResponseInfo{Data: "redstuff", AppVersion: Version, LastBlockHeight: int64(now.Height), LastBlockAppHash: now.Root[:]}, nil
}

// Codes of queries that have no answer.
const (
	codePath   = 2
	codeKey    = 3
	codeHeight = 4
)

// Query returns the value of a key after the last block, with a proof of it or of its
// absence.
func (i *info) Query(_ context.Context, req *abci.RequestQuery) (*abci.ResponseQuery, error) {
	now := i.now.Load()
	switch {
	case req.Path != QueryPath:
		return &abci.ResponseQuery{Code: codePath, Log: "the only path is " + QueryPath}, nil
	case len(req.Data) == 0 || len(req.Data) > tree.MaxKey:
		return &abci.ResponseQuery{Code: codeKey, Log: "a key of the state is needed as data"}, nil
	case req.Height != 0 && uint64(req.Height) != now.Height:
		return &abci.ResponseQuery{Code: codeHeight, Log: "only the last height is known", Height: int64(now.Height)}, nil
	}
	p := now.state.Prove(req.Data)
	resp := &abci.ResponseQuery{Key: req.Data, Height: int64(now.Height)}
	value, ok, err := p.Verify(now.Root, req.Data)
	if err != nil {
		return nil, err
	}
	if ok {
		resp.Value = value
	}
	if req.Prove {
		data, err := p.MarshalBinary()
		if err != nil {
			return nil, err
		}
		resp.ProofOps = &cryptoproto.ProofOps{Ops: []cryptoproto.ProofOp{{Type: ProofOp, Key: req.Data, Data: data}}}
	}
	return resp, nil
}
