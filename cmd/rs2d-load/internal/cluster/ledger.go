package cluster

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
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

// ledgerServer is the ledger of a cluster: it runs in this process, and nodes come to it
// over HTTP, as they would to one elsewhere.
type ledgerServer struct {
	ledger *embedded.Ledger
	url    string
	end    context.CancelFunc
	served sync.WaitGroup
	views  *follow.Views
	keys   []ed25519.PrivateKey // of accounts that pay for blobs
}

// Accounts that pay. Each has one transaction under way at a time, as clients of a
// network do.
const (
	payers      = 32
	payersMoney = 1 << 52
	blobEpochs  = 5
)

// startLedger begins a ledger of the nodes, and writes its genesis to a file. The others
// have accounts.
func startLedger(o Options, path string, nodes []genesis.Node, others ...*identity.Key) (*ledgerServer, error) {
	g := ledger.Genesis{
		Name: "load", Shards: uint16(o.Shards), Scheme: uint8(o.Scheme), Start: uint64(time.Now().UnixMilli()),
		MaxNodes: uint16(max(len(nodes), 1)), BlockTarget: 64 << 20,
	}
	s := new(ledgerServer)
	var accounts []genesis.Account
	for range payers {
		key := identity.GenerateKey()
		s.keys = append(s.keys, key.Account())
		others = append(others, key)
	}
	for _, key := range others {
		accounts = append(accounts, genesis.Account{Address: genesis.AddressOf(key), Balance: payersMoney})
	}
	for i := range nodes {
		nodes[i].Stake, nodes[i].Capacity, nodes[i].StoragePrice, nodes[i].WritePrice = ledger.DefaultMinStake, 1<<50, 2, 1
		accounts = append(accounts, genesis.Account{Address: nodes[i].Owner, Balance: payersMoney}) // for what it tells the ledger
	}
	genesis.Set(&g, nodes, accounts)
	text, err := genesis.Marshal(g)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	if s.ledger, err = embedded.Open(filepath.Join(o.Dir, "ledger"), g, embedded.Options{}); err != nil {
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
		_ = rpc.Serve(ctx, listener, rpc.Handler(chain.Local(s.ledger)), rpc.Limits{Conns: 4096, ConnsOf: 4096}, time.Second, slog.New(slog.DiscardHandler))
	})
	if s.views, err = follow.OpenViews(ctx, chain.Local(s.ledger), &g); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// stop ends the ledger.
func (s *ledgerServer) stop() error {
	s.end()
	s.served.Wait()
	return s.ledger.Close()
}

// registrar returns what registers blobs, for one payer after another.
func (s *ledgerServer) registrar(scheme commit.Scheme) (client.Registrar, error) {
	hasher, err := commit.NewHasher(scheme, "")
	if err != nil {
		return nil, err
	}
	l := rpc.NewClient(s.url)
	r := new(registrars)
	for _, key := range s.keys {
		r.all = append(r.all, &account.Registrar{Account: account.New(l, key), Epochs: blobEpochs, Hasher: hasher, Refresh: s.views.Refresh})
	}
	return r, nil
}

// registrars take turns.
type registrars struct {
	all  []*account.Registrar
	next atomic.Uint64
}

// Register registers a blob, see client.Registrar.
func (r *registrars) Register(ctx context.Context, id commit.BlobID, meta *commit.Metadata) (func(context.Context, *committee.Certificate) error, error) {
	return r.all[r.next.Add(1)%uint64(len(r.all))].Register(ctx, id, meta)
}

// sortByCommittee puts the nodes into the order of the committee's members.
func sortByCommittee(nodes []*member, c *committee.Committee) {
	at := func(m *member) int {
		i, _ := c.Find(m.key)
		return i
	}
	slices.SortFunc(nodes, func(a, b *member) int { return at(a) - at(b) })
}
