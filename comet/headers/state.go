package headers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/light"
	"github.com/cometbft/cometbft/light/provider"
	lightdb "github.com/cometbft/cometbft/light/store/db"
	stateproto "github.com/cometbft/cometbft/proto/tendermint/state"
	"github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/statesync"
	"github.com/cometbft/cometbft/types"
	"github.com/cometbft/cometbft/version"
)

// ErrParameters is returned when a chain has other parameters than its genesis.
var ErrParameters = errors.New("headers: the chain has other parameters than its genesis")

// states tells what a node's state is after a block, as far as headers tell.
type states struct {
	mu    sync.Mutex // a light client serves one at a time
	light *light.Client
	doc   *types.GenesisDoc
}

// NewStateProvider returns what a node needs that begins from a snapshot: headers that
// are verified from a trusted one on, which two servers at least agree on.
func NewStateProvider(ctx context.Context, doc *types.GenesisDoc, servers []string, trust light.TrustOptions, logger log.Logger) (statesync.StateProvider, error) {
	if len(servers) < 2 {
		return nil, errors.New("headers: two servers are needed, of which one can tell that the other lies")
	}
	providers := make([]provider.Provider, len(servers))
	for i, s := range servers {
		providers[i] = NewProvider(doc.ChainID, s)
	}
	c, err := light.NewClient(ctx, doc.ChainID, trust, providers[0], providers[1:], lightdb.New(dbm.NewMemDB(), ""),
		light.Logger(logger), light.MaxRetryAttempts(5))
	if err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	return &states{light: c, doc: doc}, nil
}

func (s *states) at(ctx context.Context, height uint64) (*types.LightBlock, error) {
	return s.light.VerifyLightBlockAtHeight(ctx, int64(height), time.Now())
}

// AppHash returns the root after a height, which is in the next header. The one after
// that is needed, too: it has the validators that the height may have changed.
func (s *states) AppHash(ctx context.Context, height uint64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := s.at(ctx, height+1)
	if err != nil {
		return nil, err
	}
	if _, err := s.at(ctx, height+2); err != nil {
		return nil, err
	}
	return next.AppHash, nil
}

// Commit returns the votes for a height.
func (s *states) Commit(ctx context.Context, height uint64) (*types.Commit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.at(ctx, height)
	if err != nil {
		return nil, err
	}
	return b.Commit, nil
}

// State returns CometBFT's state after a height.
func (s *states) State(ctx context.Context, height uint64) (state.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var blocks [3]*types.LightBlock
	for i := range blocks {
		var err error
		if blocks[i], err = s.at(ctx, height+uint64(i)); err != nil {
			return state.State{}, err
		}
	}
	last, next, after := blocks[0], blocks[1], blocks[2]
	// The parameters are those of genesis for ever, and no server needs to be asked.
	if hash := s.doc.ConsensusParams.Hash(); !bytes.Equal(hash, next.ConsensusHash) {
		return state.State{}, fmt.Errorf("%w: their hash is %X, not %X", ErrParameters, next.ConsensusHash, hash)
	}
	return state.State{
		ChainID: s.doc.ChainID, InitialHeight: s.doc.InitialHeight,
		Version:         stateproto.Version{Consensus: next.Version, Software: version.TMCoreSemVer},
		LastBlockHeight: last.Height, LastBlockID: last.Commit.BlockID, LastBlockTime: last.Time,
		LastValidators: last.ValidatorSet, Validators: next.ValidatorSet, NextValidators: after.ValidatorSet,
		LastHeightValidatorsChanged: after.Height,
		ConsensusParams:             *s.doc.ConsensusParams, LastHeightConsensusParamsChanged: next.Height,
		LastResultsHash: next.LastResultsHash, AppHash: next.AppHash,
	}, nil
}
