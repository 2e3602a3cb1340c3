package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/comet"
	"github.com/redstuff-go/redstuff/comet/headers"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
)

type runCmd struct {
	Config    cli.ConfigFile `short:"c" placeholder:"FILE" env:"REDSTUFF_COMET_CONFIG" help:"TOML file of these settings, with _ for - in their names. Paths in it are relative to it."`
	Genesis   string         `type:"path" placeholder:"FILE" env:"REDSTUFF_COMET_GENESIS" help:"How the ledger begins."`
	Key       string         `type:"path" placeholder:"FILE" env:"REDSTUFF_COMET_KEY" help:"The storage node's key, with which a member of the committee votes."`
	Dir       string         `type:"path" placeholder:"DIR" env:"REDSTUFF_COMET_DIR" help:"Directory of the validator. It is made if it is not there."`
	Listen    string         `default:"127.0.0.1:7200" placeholder:"HOST:PORT" env:"REDSTUFF_COMET_LISTEN" help:"Address to listen on for other validators."`
	Advertise string         `placeholder:"HOST:PORT" help:"Address at which others find the validator, if it is another one."`
	API       string         `name:"api" default:"127.0.0.1:7000" placeholder:"HOST:PORT" env:"REDSTUFF_COMET_API" help:"Address to listen on for nodes and clients."`
	Admin     string         `placeholder:"HOST:PORT" help:"Address to listen on for metrics. Nobody is asked who they are: keep it on loopback."`
	Peer      []string       `placeholder:"ID@HOST:PORT" env:"REDSTUFF_COMET_PEERS" help:"Another validator. It may be given several times."`

	JoinFrom []string `placeholder:"URL" help:"APIs of two validators at least, from which a new one learns which snapshot it can trust."`
	Trust    string   `placeholder:"HEIGHT:HASH" help:"A block that you trust, for --join-from: ask a validator that you trust for /v1/chain."`

	Pause     time.Duration `default:"300ms" help:"Pause between two blocks."`
	Patience  time.Duration `default:"30s" help:"How long a transaction waits for a block."`
	Snapshot  uint64        `default:"1000" placeholder:"BLOCKS" help:"Blocks between two snapshots for validators that join."`
	Retain    uint64        `default:"100000" placeholder:"BLOCKS" help:"Blocks to keep."`
	MaxConns  int           `default:"1024" help:"Connections to the API at once; one network address may have a quarter of them."`
	Grace     time.Duration `default:"5s" help:"Time to finish requests before the validator ends."`
	UntilEOF  bool          `name:"until-eof" help:"End when standard input ends: for programs that start a validator, and may be killed."`
	LogLevel  slog.Level    `default:"info" placeholder:"LEVEL" help:"Least level to log: debug, info, warn or error."`
	LogFormat string        `enum:"text,json" default:"text" help:"Format of the log, on standard error: text or json."`
}

func (c *runCmd) Help() string {
	return `Runs until it gets SIGTERM or an interrupt. What it has acknowledged is on the disks of a quorum: kill -9 at any moment loses none of it.

CometBFT ends the process when its own state is wrong: have it started again. Never run two with the same key, and never put back an older directory: a validator that votes twice is found out.

Settings come from the command line, or else the environment, or else the file.

Example: rs2d-comet run --config cluster/node-0/comet.toml

The API has what rs2d-ledger has, /v1/chain, where CometBFT's chain stands, and /v1/headers/.`
}

// Run runs a validator until the context ends.
func (c *runCmd) Run(a *app) (err error) {
	for _, s := range [][2]string{{"genesis", c.Genesis}, {"key", c.Key}, {"dir", c.Dir}} {
		if s[1] == "" {
			return fmt.Errorf("missing setting: --%s, or --config with a file that has it", s[0])
		}
	}
	if c.MaxConns < 1 || c.Snapshot < 1 || c.Grace <= 0 {
		return errors.New("--max-conns, --snapshot and --grace: must be more than zero")
	}
	join, err := c.join()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(a.Ctx)
	defer cancel()
	if c.UntilEOF {
		go func() { // it ends with its input, or else with the process
			defer cancel()
			_, _ = io.Copy(io.Discard, a.stdin)
		}()
	}
	log := cli.Logger(a.Stderr, c.LogLevel, c.LogFormat)
	g, err := genesis.Load(c.Genesis)
	if err != nil {
		return err
	}
	keys, err := identity.LoadKeyring(c.Key)
	if err != nil {
		return err
	}
	var others []ed25519.PrivateKey
	for _, key := range keys.Keys()[1:] {
		others = append(others, key.Account())
	}
	registry := prometheus.NewRegistry()
	n, err := comet.Open(keys.First().Account(), comet.Options{
		Others: others,
		Dir:    c.Dir, Genesis: g, Listen: c.Listen, Advertise: c.Advertise, Peers: c.Peer, Join: join, Logger: log, Registerer: registry,
		BlockPause: c.Pause, Patience: c.Patience, SnapshotEvery: c.Snapshot, RetainBlocks: c.Retain,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", c.Dir, err)
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	listener, err := net.Listen("tcp", c.API)
	if err != nil {
		return err
	}
	if c.Admin != "" {
		admin, err := net.Listen("tcp", c.Admin)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		s := &http.Server{Handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), ReadHeaderTimeout: 10 * time.Second}
		defer s.Close()
		go func() { _ = s.Serve(admin) }() // until Close
	}
	s := chain.StatusOf(n.State())
	log.Info("serving", "peer", n.Address(), "api", listener.Addr().String(), "network", s.Name, "height", s.Height, "root", hex.EncodeToString(s.Root), "epoch", s.Epoch)
	err = rpc.Serve(ctx, listener, handler(n), rpc.Limits{Conns: c.MaxConns}, c.Grace, log)
	log.Info("stopped", "height", n.State().System().Height)
	return err
}

// handler is the ledger's API while the validator is not behind, and what those who join ask
// for.
func handler(n *comet.Node) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", rpc.Ready(n.Behind, rpc.Handler(chain.Local(n), rpc.Light(n.Archive()))))
	mux.Handle(headers.Path, headers.Handler(n))
	mux.HandleFunc("GET /v1/chain", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(n.Chain()) // a client that has gone learns nothing
	})
	return mux
}

// join reads what a validator needs that begins from a snapshot; nil is none.
func (c *runCmd) join() (*comet.Join, error) {
	if len(c.JoinFrom) == 0 && c.Trust == "" {
		return nil, nil
	}
	height, hash, ok := strings.Cut(c.Trust, ":")
	h, err1 := strconv.ParseUint(height, 10, 63)
	data, err2 := hex.DecodeString(hash)
	if !ok || len(c.JoinFrom) < 2 || err1 != nil || err2 != nil {
		return nil, errors.New("--join-from and --trust: two URLs at least, and HEIGHT:HASH with the hash in hexadecimal are needed")
	}
	return &comet.Join{Servers: c.JoinFrom, Height: h, Hash: data}, nil
}

type idCmd struct {
	Key string `required:"" type:"path" placeholder:"FILE" env:"REDSTUFF_COMET_KEY" help:"The storage node's key."`
}

func (c *idCmd) Help() string {
	return `Example: rs2d-comet id --key cluster/node-0/node.key`
}

// Run prints the id.
func (c *idCmd) Run(a *app) error {
	key, err := identity.LoadKey(c.Key)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.Stdout, identity.ValidatorPeerID(key.Account()))
	return err
}
