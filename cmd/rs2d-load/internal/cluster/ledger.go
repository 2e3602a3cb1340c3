package cluster

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// ledgerAccess is the ledger of a cluster as clients come to it.
type ledgerAccess struct {
	server *server  // nil if there is none in this process
	urls   []string // of its servers
	views  *follow.Views
	keys   []ed25519.PrivateKey // of accounts that pay for blobs
}

// Accounts that pay. Each has one transaction under way at a time, as clients of a
// network do.
const (
	payers      = 32
	payersMoney = 1 << 52
)

// What nodes vote for, and have.
const (
	storagePrice = 2
	writePrice   = 1
	nodeCapacity = 1 << 50
	nodeMoney    = 1 << 40
)

// What it costs not to hand over shards, and what of it those get from whom they are recovered, in basis
// points, where nodes are challenged.
const (
	migrationFine = 100
	helpersPart   = 5000
)

// beginLedger writes the genesis of a ledger of the nodes to a file, and returns it with
// the keys of those who pay. The others have accounts.
func beginLedger(o Options, path string, nodes []genesis.Node, others ...*identity.Key) (g ledger.Genesis, keys []ed25519.PrivateKey, err error) {
	g = ledger.Genesis{
		Name: "load", Shards: uint16(o.Shards), Scheme: uint8(o.Scheme), Metadata: uint8(o.Metadata), Start: uint64(time.Now().UnixMilli()),
		MaxNodes: uint16(min(max(len(nodes), o.MostNodes, 1), o.Shards)), BlockTarget: 64 << 20,
		EpochMillis: uint64(o.Epoch.Milliseconds()), MaxEpochsAhead: max(ledger.DefaultMaxEpochsAhead, o.BlobEpochs),
	}
	if o.Challenges != ledger.ChallengesOff {
		g.Challenges = ledger.ChallengeRules{
			Mode: o.Challenges, Millis: uint64(MostOfChallenge(o.Epoch).Milliseconds()), Grace: g.EpochMillis / 8,
			Missing: uint16(math.Round(o.Missing * 10_000)), // basis points
		}
		g.Migration = ledger.MigrationRules{Sender: migrationFine, Receiver: migrationFine, Helpers: helpersPart}
	}
	var accounts []genesis.Account
	for range payers {
		key := identity.GenerateKey()
		keys = append(keys, key.Account())
		others = append(others, key)
	}
	for _, key := range others {
		accounts = append(accounts, genesis.Account{Address: genesis.AddressOf(key), Balance: payersMoney})
	}
	for i := range nodes {
		nodes[i].Stake, nodes[i].Capacity, nodes[i].StoragePrice, nodes[i].WritePrice = ledger.DefaultMinStake, nodeCapacity, storagePrice, writePrice
		accounts = append(accounts, genesis.Account{Address: nodes[i].Owner, Balance: payersMoney}) // for what it tells the ledger
	}
	genesis.Set(&g, nodes, accounts)
	text, err := genesis.Marshal(g)
	if err != nil {
		return g, nil, err
	}
	return g, keys, os.WriteFile(path, text, 0o600)
}

// server is a ledger in this process. Nodes come to it over HTTP, as they would to one
// elsewhere.
type server struct {
	ledger *embedded.Ledger
	url    string
	end    context.CancelFunc
	served sync.WaitGroup
}

// startServer opens the ledger in a directory, and serves it.
func startServer(dir string, g ledger.Genesis) (*server, error) {
	s := new(server)
	var err error
	if s.ledger, err = embedded.Open(dir, g, embedded.Options{}); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, s.ledger.Close())
	}
	s.url = "http://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	s.end = cancel
	s.served.Go(func() {
		_ = rpc.Serve(ctx, listener, rpc.Handler(chain.Local(s.ledger), rpc.Light(s.ledger.Archive())), rpc.Limits{Conns: 4096, ConnsOf: 4096}, time.Second, slog.New(slog.DiscardHandler))
	})
	return s, nil
}

// stop ends the ledger.
func (s *server) stop() {
	s.end()
	s.served.Wait()
	_ = s.ledger.Close() // nothing is kept of it
}

// MostOfChallenge returns how long a challenge may take, in a network with epochs of that length. It lasts
// for longer than an epoch only where a machine is so busy that its nodes take as long to prove anything.
func MostOfChallenge(epoch time.Duration) time.Duration { return 4 * epoch }

// startLedger starts the ledger that the options name, in this process or in one beside
// each node, and tells nodes where they find it. The others have
// accounts. What is returned with an error has to be ended, too, if it is not nil.
func startLedger(ctx context.Context, o Options, links *links, nodes []*member, registrations []genesis.Node, others ...*identity.Key) (*ledgerAccess, error) {
	path := filepath.Join(o.Dir, "genesis.toml")
	g, keys, err := beginLedger(o, path, registrations, others...)
	if err != nil {
		return nil, err
	}
	l := &ledgerAccess{keys: keys}
	if o.Control == ControlEmbedded {
		if l.server, err = startServer(filepath.Join(o.Dir, "ledger"), g); err != nil {
			return nil, err
		}
		l.urls = []string{l.server.url}
	} else if err := startValidators(ctx, nodes, o.Validator, path); err != nil {
		return nil, err
	}
	for _, m := range nodes {
		m.config.Committee, m.config.Genesis = "", path
		if m.validator == nil {
			if m.config.Ledger, err = links.way(m.config.Host, l.server.url); err != nil {
				return l, err
			}
			continue
		}
		m.config.Ledger = m.validator.url // its own, and no stranger's
		l.urls = append(l.urls, m.validator.url)
	}
	l.views, err = follow.OpenViews(ctx, l.from(0), &g)
	return l, err
}

// from returns the ledger by its servers, from one of them on.
func (l *ledgerAccess) from(i int) *rpc.Client {
	i %= len(l.urls)
	return rpc.NewClient(strings.Join(slices.Concat(l.urls[i:], l.urls[:i]), ","))
}

// registrar returns what registers blobs, for one payer after another.
func (l *ledgerAccess) registrar(scheme commit.Scheme, epochs uint32) (client.Registrar, error) {
	hasher, err := commit.NewHasher(scheme, "")
	if err != nil {
		return nil, err
	}
	r := new(registrars)
	for i, key := range l.keys {
		r.all = append(r.all, &account.Registrar{Account: account.New(l.from(i), key), Epochs: epochs, Hasher: hasher, Refresh: l.views.Refresh})
	}
	return r, nil
}

// registrars take turns.
type registrars struct {
	all  []*account.Registrar
	next atomic.Uint64
}

// Register registers a blob, see client.Registrar.
func (r *registrars) Register(ctx context.Context, id commit.BlobID, meta *commit.Metadata, named func(committee.Attestation)) (client.Certify, error) {
	return r.all[r.next.Add(1)%uint64(len(r.all))].Register(ctx, id, meta, named)
}

// sortByCommittee puts the nodes into the order of the committee's members.
func sortByCommittee(nodes []*member, c *committee.Committee) {
	at := func(m *member) int {
		i, _ := c.Find(m.key)
		return i
	}
	slices.SortFunc(nodes, func(a, b *member) int { return at(a) - at(b) })
}
