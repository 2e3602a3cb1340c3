package comet

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cometbft/cometbft/config"
	cometed25519 "github.com/cometbft/cometbft/crypto/ed25519"
	cometjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/types"

	"github.com/redstuff-go/redstuff/comet/app"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Sizes of the mempool, over all senders.
const (
	maxWaiting      = 5000     // transactions
	maxWaitingBytes = 32 << 20 // bytes
)

// cometConfig returns CometBFT's configuration. Its own RPC is off: what users need is in
// the ledger's API.
func cometConfig(o *Options) *config.Config {
	c := config.DefaultConfig()
	c.SetRoot(o.Dir)
	c.Moniker = "redstuff"
	c.RPC.ListenAddress = ""
	c.TxIndex.Indexer = "null"
	c.Instrumentation.Prometheus = false

	c.P2P.ListenAddress = "tcp://" + o.Listen
	c.P2P.ExternalAddress = o.Advertise
	c.P2P.PersistentPeers = strings.Join(o.Peers, ",")
	c.P2P.AddrBookStrict = false  // clusters live in private networks
	c.P2P.AllowDuplicateIP = true // or on one machine
	c.P2P.PexReactor = !o.hooks.strangers
	// Strangers may take all places for those who connect, but not those of the peers that
	// the operator has named.
	c.P2P.UnconditionalPeerIDs = strings.Join(idsOf(o.Peers), ",")
	c.P2P.FlushThrottleTimeout = 10 * time.Millisecond

	c.Mempool.Size = maxWaiting
	c.Mempool.MaxTxsBytes = maxWaitingBytes
	c.Mempool.MaxTxBytes = ledger.MaxTx

	// A new block follows on a transaction, or on one that changed the root.
	c.Consensus.CreateEmptyBlocks = false
	c.Consensus.TimeoutCommit = o.BlockPause
	c.Consensus.TimeoutPropose = o.RoundTimeout
	c.Consensus.TimeoutProposeDelta = o.RoundTimeout / 4
	c.Consensus.TimeoutPrevote = o.RoundTimeout / 2
	c.Consensus.TimeoutPrevoteDelta = o.RoundTimeout / 4
	c.Consensus.TimeoutPrecommit = o.RoundTimeout / 2
	c.Consensus.TimeoutPrecommitDelta = o.RoundTimeout / 4
	c.Consensus.PeerGossipSleepDuration = 25 * time.Millisecond
	// The time of a block is what a quorum's clocks say. A node whose own clock is late
	// by less than a day follows them.
	c.Consensus.BlockTimeTolerance = 24 * time.Hour

	if j := o.Join; j != nil {
		c.StateSync.Enable = true
		c.StateSync.TrustHeight = int64(j.Height)
		c.StateSync.TrustHash = hex.EncodeToString(j.Hash)
		c.StateSync.TrustPeriod = j.Period
		c.StateSync.RPCServers = j.Servers
		c.StateSync.DiscoveryTime = 5 * time.Second
		c.StateSync.MaxSnapshotChunks = app.MaxChunks
	}
	return c
}

// idsOf returns the ids of peers that are named as id@host:port.
func idsOf(peers []string) (ids []string) {
	for _, p := range peers {
		id, _, _ := strings.Cut(p, "@")
		ids = append(ids, id)
	}
	return ids
}

// genesisDoc returns CometBFT's genesis of a ledger's.
func genesisDoc(g ledger.Genesis) (*types.GenesisDoc, error) {
	state, err := ledger.Begin(g)
	if err != nil {
		return nil, err
	}
	params := types.DefaultConsensusParams()
	params.Block.MaxBytes, params.Block.MaxGas = maxBlock, app.MaxWeight
	params.Evidence = types.EvidenceParams{MaxAgeNumBlocks: evidenceBlocks, MaxAgeDuration: evidenceAge, MaxBytes: maxEvidence}
	params.Version.App = app.Version
	doc := &types.GenesisDoc{
		GenesisTime: time.UnixMilli(int64(g.Start)).UTC(), ChainID: app.ChainID(state.ChainID()), InitialHeight: 1, ConsensusParams: params,
	}
	for _, v := range app.ValidatorSet(state).Validators {
		doc.Validators = append(doc.Validators, types.GenesisValidator{Address: v.Address, PubKey: v.PubKey, Power: v.VotingPower})
	}
	if err := doc.ValidateAndComplete(); err != nil {
		return nil, fmt.Errorf("%w: %w", ledger.ErrGenesis, err)
	}
	return doc, nil
}

// peerKey returns the key by which other nodes know this one.
func peerKey(key ed25519.PrivateKey) *p2p.NodeKey {
	return &p2p.NodeKey{PrivKey: cometed25519.PrivKey(identity.ValidatorPeerKey(key))}
}

// elected returns the key that one of the validators has, or the first one.
func elected(keys []ed25519.PrivateKey, validators []app.Validator) ed25519.PrivateKey {
	for _, key := range keys {
		if slices.ContainsFunc(validators, func(v app.Validator) bool { return bytes.Equal(v.Key[:], key.Public().(ed25519.PublicKey)) }) {
			return key
		}
	}
	return keys[0]
}

// voter returns who votes with the key, and never votes twice for one step: it goes on
// after the last vote that it wrote.
func voter(dir string, key ed25519.PrivateKey) (types.PrivValidator, error) {
	file := filepath.Join(dir, "data", "vote_state.json")
	v := privval.NewFilePV(cometed25519.PrivKey(key), "", file)
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return v, nil
	}
	if err != nil {
		return nil, fmt.Errorf("comet: %w", err)
	}
	var last privval.FilePVLastSignState
	if err := cometjson.Unmarshal(data, &last); err != nil {
		return nil, fmt.Errorf("comet: %s: %w; without it the validator might vote twice", file, err)
	}
	s := &v.LastSignState
	s.Height, s.Round, s.Step, s.Signature, s.SignBytes = last.Height, last.Round, last.Step, last.Signature, last.SignBytes
	return v, nil
}
