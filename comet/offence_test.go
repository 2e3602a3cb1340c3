package comet

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/cometbft/cometbft/crypto"
	cometproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/comet/app"
	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// TestOffence: a validator that votes twice is named by all, also after a restart.
func TestOffence(t *testing.T) {
	t.Parallel() // it mostly waits
	var registries [members]*prometheus.Registry
	c := startCluster(t, 3_600_000, func(i int, o *Options) {
		registries[i] = prometheus.NewRegistry()
		o.Registerer = registries[i]
	})
	users := world.NewUsers(c.any().State(), 11)
	c.submit(c.nodes[0], users.Next())
	const guilty = 2
	evidence := voteTwice(t, c.nodes[0], world.TLS(guilty))
	if err := c.nodes[0].comet.EvidencePool().AddEvidence(evidence); err != nil {
		t.Fatal(err)
	}
	named := func(n *Node) bool {
		all := n.Chain().Offences
		return len(all) == 1 && all[0].Kind == app.DuplicateVote && all[0].Node == world.Info(guilty).Name && all[0].Height == 1 &&
			bytes.Equal(all[0].Validator, evidence.VoteA.ValidatorAddress)
	}
	wait(t, "offence at all nodes", func() bool {
		c.submit(c.nodes[1], users.Next()) // proofs go into blocks that there are anyhow
		for _, n := range c.nodes {
			if !named(n) {
				return false
			}
		}
		return true
	})
	families, err := registries[1].Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := false
	for _, f := range families {
		counted = counted || f.GetName() == "redstuff_validator_offences" && f.GetMetric()[0].GetGauge().GetValue() == 1
	}
	if !counted {
		t.Error("no metric counts the offence")
	}
	c.settle()
	c.checkChain()
	c.stop(1)
	c.start(1)
	if !named(c.nodes[1]) {
		t.Errorf("after a restart: %+v", c.nodes[1].Chain().Offences)
	}
}

// voteTwice returns the proof that whoever has the key voted for two blocks of height 1.
func voteTwice(t *testing.T, n *Node, key ed25519.PrivateKey) *types.DuplicateVoteEvidence {
	t.Helper()
	light, err := n.LightBlock(1)
	if err != nil {
		t.Fatal(err)
	}
	var pair [2]*types.Vote
	for i := range pair {
		index, v := light.ValidatorSet.GetByAddress(crypto.AddressHash(key.Public().(ed25519.PublicKey)))
		hash := bytes.Repeat([]byte{byte(i + 1)}, 32)
		vote := &types.Vote{
			Type: cometproto.PrecommitType, Height: 1, Timestamp: time.Now(), ValidatorAddress: v.Address, ValidatorIndex: index,
			BlockID: types.BlockID{Hash: hash, PartSetHeader: types.PartSetHeader{Total: 1, Hash: hash}},
		}
		vote.Signature = ed25519.Sign(key, types.VoteSignBytes(light.ChainID, vote.ToProto()))
		pair[i] = vote
	}
	evidence, err := types.NewDuplicateVoteEvidence(pair[0], pair[1], light.Time, light.ValidatorSet)
	if err != nil {
		t.Fatal(err)
	}
	return evidence
}

// TestNewKey: a node that gets another TLS key votes with it from the next epoch on, and
// nothing halts meanwhile.
func TestNewKey(t *testing.T) {
	t.Parallel() // it mostly waits
	c := startCluster(t, 8000, nil)
	const changes = 3
	key := world.Key("a new TLS key")
	var id ledger.NodeID
	for at, n := range c.any().State().Nodes() {
		if n.Info.Name == world.Info(changes).Name {
			id = at
		}
	}
	info := world.Info(changes)
	update := ledger.UpdateNode{
		Node: id, Name: info.Name, Address: info.Address, TLSKey: world.Address(key), TLSProof: ledger.ProveTLSKey(key, world.Address(world.Owner(changes))),
	}
	tx, err := ledger.Tx{Chain: c.any().State().ChainID(), FeePerByte: 1 << 10, Action: update}.Sign(world.Owner(changes))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.nodes[0].Submit(t.Context(), tx); err != nil || r.Err != nil {
		t.Fatalf("receipt %+v (%v)", r, err)
	}
	votes := func(key ed25519.PrivateKey) bool {
		for _, v := range c.nodes[0].app.Validators() {
			if v.Key == world.Address(key) {
				return true
			}
		}
		return false
	}
	wait(t, "new key among the validators, and the old one no more", func() bool { return votes(key) && !votes(world.TLS(changes)) })
	users := world.NewUsers(c.any().State(), 13)
	c.submit(c.nodes[0], users.Next()) // without the one that changes
	c.stop(changes)
	c.key = func(i int) ed25519.PrivateKey {
		if i == changes {
			return key
		}
		return world.TLS(i)
	}
	c.start(changes)
	// It takes part: with another one down, there is no quorum without it.
	c.stop(0)
	c.submit(c.nodes[changes], users.Next(), users.Next())
	c.settle()
	c.checkChain()
}
